"""What is told of a worker that died without a result."""

from __future__ import annotations

import json

import pytest

from trainer import last_words
from trainer.errors import ExitCode
from trainer.last_words import cause, tell
from trainer.tests.cloud import PREFIX, running
from trainer.tests.surroundings import MemoryStore


@pytest.mark.parametrize(
    ("code", "out_of_memory", "expected", "words"),
    [
        (137, True, ExitCode.MEMORY, "ran out of memory"),
        (137, False, ExitCode.PLATFORM, "by the signal SIGKILL"),
        (139, True, ExitCode.PLATFORM, "by the signal SIGSEGV"),
        (254, False, ExitCode.PLATFORM, "by the signal 126"),
        (1, False, ExitCode.PLATFORM, "with code 1"),
    ],
)
def test_an_exit_code_that_is_not_ours_has_a_cause(code: int, out_of_memory: bool, expected: int, words: str) -> None:
    error = cause(code, out_of_memory)
    assert error.exit_code == expected
    assert words in error.message


def test_only_a_job_without_a_result_gets_one() -> None:
    store = MemoryStore()
    error = cause(137, True)
    assert not tell(store, error)
    store.objects["ticket.json"] = b"{}"
    assert tell(store, error)
    assert store.json("result.json")["exitCode"] == 12
    store.objects["result.json"] = b"{}"
    assert not tell(store, error)
    assert store.objects["result.json"] == b"{}"


def test_the_result_is_told_with_the_role_of_the_instance(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "SPOTLEARN_INSTANCE_ID"):
        monkeypatch.delenv(name, raising=False)
    with running() as cloud:
        for name, value in cloud.environment().items():
            monkeypatch.setenv(name, value)
        assert last_words.main(["137", "oom"]) == 137
        cloud.put_json("ticket.json", {})
        assert last_words.main(["137", "oom"]) == ExitCode.MEMORY
        assert json.loads(cloud.objects[PREFIX + "result.json"])["error"]["code"] == "OutOfMemory"
        monkeypatch.delenv("SPOTLEARN_BUCKET")
        assert last_words.main(["139"]) == 139
    assert "could not be told: PlatformError" in capsys.readouterr().out
