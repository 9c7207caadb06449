#!/bin/sh
# Runs a command so that it can't outlive whoever started it: `sh leash.sh GRACE_SECONDS COMMAND [ARGS…]`.
# Standard input is a pipe that the starter keeps open; when it closes (the starter ended, even by kill -9), a watcher ends the
# whole process group: SIGTERM, then SIGKILL after the grace. The starter must make this shell the leader of a new group.
# The command replaces this shell (exec), so its pid, exit code and signal are the command's own, and it reads /dev/null.
grace=$1
shift
exec 3<&0 </dev/null
# Twice in the background, so that the watcher isn't a child the command could wait for.
(
  (
    trap '' TERM INT HUP QUIT
    while read -r _ <&3; do :; done
    kill -TERM 0
    sleep "$grace" 3<&-
    kill -KILL 0
  ) >/dev/null 2>&1 &
)
exec "$@" 3<&-
