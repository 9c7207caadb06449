#!/bin/bash
# Spotlearn worker boot: the launch template's user data. Static: it holds no job, no user input and no secret.
# Fetches the worker bundle with the instance role's credentials, checks its hash, runs `python3 -m trainer`, and shuts
# the machine down whatever happened (the launch template's shutdown behaviour is "terminate"). The dead-man switch does so
# too: after a lifetime, and when the worker's heartbeats stay away.
# Next: the worker finds its own job ticket in the bucket.
set -u
export SPOTLEARN_BUCKET='{{BUCKET}}' AWS_REGION='{{REGION}}' SPOTLEARN_ROLE_ID='{{ROLE_ID}}'
export SPOTLEARN_LOG_GROUP='{{LOG_GROUP}}' BUNDLE_KEY='{{BUNDLE_KEY}}' BUNDLE_SHA256='{{BUNDLE_SHA256}}'
if [ "$(uname -m)" = aarch64 ]; then BUNDLE_KEY='{{BUNDLE_KEY_ARM64}}' BUNDLE_SHA256='{{BUNDLE_SHA256_ARM64}}'; fi
export AWS_DEFAULT_REGION="$AWS_REGION" PYTHONUNBUFFERED=1 PYTHONNOUSERSITE=1 ORT_DISABLE_TELEMETRY=1
SPOTLEARN_BOOT_AT="$(date +%s.%N)" && export SPOTLEARN_BOOT_AT
LIFETIME_SECONDS="${SPOTLEARN_LIFETIME_SECONDS:-172800}" # two days, far above any job's deadline
IDLE_SECONDS="${SPOTLEARN_IDLE_SECONDS:-900}" # without a heartbeat; waiting for a ticket takes 300 at most
WORKER=
CODE=20
VMSTAT="${SPOTLEARN_VMSTAT:-/proc/vmstat}"
TIMER=
FOLDER=

say() { echo "spotlearn-boot: $*"; }
power_off() { shutdown -h now || poweroff -f; }

finish() {
  code=$?
  trap - EXIT TERM INT HUP
  if [ -n "$TIMER" ]; then kill "$TIMER" 2>/dev/null; fi
  cd /
  if [ -n "$FOLDER" ]; then rm -rf "$FOLDER"; fi
  say "worker ended with code $code, shutting down"
  power_off
  exit "$code"
}
pass_on() { # a SIGTERM is the worker's to answer: it writes its checkpoint first
  SIGNALLED=yes
  if [ -n "$WORKER" ]; then kill -TERM "$WORKER" 2>/dev/null; else exit 30; fi
}
trap finish EXIT
trap pass_on TERM INT HUP

FOLDER="$(mktemp -d "${TMPDIR:-/tmp}/spotlearn.XXXXXX")" || exit 20
export SPOTLEARN_ALIVE_FILE="$FOLDER/.alive"
MARK="$FOLDER/.mark"
touch "$SPOTLEARN_ALIVE_FILE" && touch -r "$SPOTLEARN_ALIVE_FILE" "$MARK" || exit 20

TICK=$(((IDLE_SECONDS < LIFETIME_SECONDS ? IDLE_SECONDS : LIFETIME_SECONDS) / 10))
TICK=$((TICK < 1 ? 1 : TICK > 15 ? 15 : TICK))
touched() { # since the last look; the mark takes over the file's time, so that a clock set back is no silence
  [ -e "$SPOTLEARN_ALIVE_FILE" ] || return 1
  [ "$SPOTLEARN_ALIVE_FILE" -nt "$MARK" ] || [ "$SPOTLEARN_ALIVE_FILE" -ot "$MARK" ] || return 1
  touch -r "$SPOTLEARN_ALIVE_FILE" "$MARK"
}
( SLEEP= LIVED=0 SILENT=0 # it adds up its own sleeps: a machine's clock may jump when it is first set
  trap 'kill "$SLEEP" 2>/dev/null; exit 0' TERM
  while :; do
    sleep "$TICK" >/dev/null 2>&1 & SLEEP=$!
    wait "$SLEEP"
    LIVED=$((LIVED + TICK)) SILENT=$((SILENT + TICK))
    if touched; then SILENT=0; fi
    if [ "$LIVED" -ge "$LIFETIME_SECONDS" ]; then
      say "lifetime of $LIFETIME_SECONDS s is over, shutting down"
      power_off
    elif [ "$SILENT" -ge "$IDLE_SECONDS" ]; then
      say "no heartbeat for $SILENT s, shutting down"
      power_off
    fi
  done ) &
TIMER=$!

say "fetching s3://$SPOTLEARN_BUCKET/$BUNDLE_KEY"
python3 - "$FOLDER" <<'PYTHON' || exit 20
import datetime, hashlib, hmac, json, os, sys, tarfile, time, urllib.error, urllib.parse, urllib.request

folder = sys.argv[1]
env = os.environ
metadata = (env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or "http://169.254.169.254").rstrip("/")
endpoint = (env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or "").rstrip("/")
bucket, key, region = env["SPOTLEARN_BUCKET"], env["BUNDLE_KEY"], env["AWS_REGION"]
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask_metadata(path, method="GET", **headers):
    request = urllib.request.Request(metadata + path, method=method, headers=headers)
    return direct.open(request, timeout=5).read().decode()


def credentials():
    token = {"X-aws-ec2-metadata-token": ask_metadata(
        "/latest/api/token", "PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "300"})}
    roles = "/latest/meta-data/iam/security-credentials/"
    role = ask_metadata(roles, **token).split()[0]
    return json.loads(ask_metadata(roles + role, **token))


def signed(found):
    """A GET of the bundle, signed with Signature Version 4."""
    base = endpoint + "/" + bucket if endpoint else "https://%s.s3.%s.amazonaws.com" % (bucket, region)
    url = urllib.parse.urlsplit(base + "/" + urllib.parse.quote(key, safe="/-_.~"))
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    empty = hashlib.sha256(b"").hexdigest()
    headers = {"host": url.netloc, "x-amz-content-sha256": empty, "x-amz-date": stamp}
    if found.get("Token"):
        headers["x-amz-security-token"] = found["Token"]
    names = ";".join(sorted(headers))
    lines = "".join("%s:%s\n" % (name, headers[name]) for name in sorted(headers))
    canonical = "\n".join(["GET", url.path, "", lines, names, empty])
    scope = "%s/%s/s3/aws4_request" % (stamp[:8], region)
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    secret = ("AWS4" + found["SecretAccessKey"]).encode()
    for part in scope.split("/"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
        found["AccessKeyId"], scope, names, signature)
    return urllib.request.Request(url.geturl(), headers=headers)


def fetch():
    """The role's credentials may come some seconds after the machine: hence the attempts."""
    for attempt in range(8):
        try:
            with urllib.request.urlopen(signed(credentials()), timeout=60) as answer:
                return answer.read()
        except (OSError, ValueError, LookupError) as error:
            reason = "HTTP %d" % error.code if isinstance(error, urllib.error.HTTPError) else type(error).__name__
            print("spotlearn-boot: attempt %d failed: %s" % (attempt + 1, reason), flush=True)
            time.sleep(min(0.25 * 2 ** attempt, 10))
    sys.exit("spotlearn-boot: the bundle cannot be fetched")


body = fetch()
if hashlib.sha256(body).hexdigest() != env["BUNDLE_SHA256"]:
    sys.exit("spotlearn-boot: the bundle's SHA-256 is not the expected one; not run")
path = os.path.join(folder, "bundle.tar.gz")
with open(path, "wb") as file:
    file.write(body)
with tarfile.open(path) as archive:
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, filter="data")
    else:
        archive.extractall(folder)
os.remove(path)
PYTHON

export PYTHONPATH="$FOLDER"
if [ -d "$FOLDER/site-packages" ]; then PYTHONPATH="$FOLDER/site-packages:$PYTHONPATH"; fi
cd "$FOLDER" || exit 20
touch "$SPOTLEARN_ALIVE_FILE"
say "starting the worker"
oom_kills() { awk '$1 == "oom_kill" { print $2 }' "$VMSTAT" 2>/dev/null; }
OOM_KILLS="$(oom_kills)"
( # out of memory, the kernel is to end the worker, not this script, which then tells of it
  { echo 1000 > /proc/self/oom_score_adj; } 2>/dev/null
  exec python3 -m trainer ) &
WORKER=$!
while :; do # a trapped signal ends `wait` early: wait again
  SIGNALLED=
  wait "$WORKER"
  STATUS=$?
  if [ "$STATUS" != 127 ]; then CODE=$STATUS; fi # 127: it was gone already, the code is known
  if [ -z "$SIGNALLED" ]; then break; fi
done
case "$CODE" in
  0 | 10 | 11 | 12 | 20 | 30 | 31 | 143) ;; # 143: ended by our own SIGTERM before it could answer one
  *) # it died before it could write its result
    OOM=
    if [ "$(oom_kills)" != "$OOM_KILLS" ]; then OOM=oom; fi
    touch "$SPOTLEARN_ALIVE_FILE"
    python3 -m trainer.last_words "$CODE" $OOM
    CODE=$?
    ;;
esac
exit "$CODE"
