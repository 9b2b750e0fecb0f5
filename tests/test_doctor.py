"""`doctor` on a machine that is well, and on what it must tell."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from orchestration import doctor as doctors
from orchestration.doctor import doctor
from orchestration.settings import Settings


def checks(**settings: Any) -> dict[str, dict[str, Any]]:
    rows = doctor(Settings(**settings))
    assert all(list(r) == ["check", "status", "meaning", "mend"] and r["meaning"] for r in rows)
    assert all(r["mend"] if r["status"] != "ok" else not r["mend"] for r in rows)
    return {r["check"]: r for r in rows}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that print what the libraries would."""
    monkeypatch.setattr(doctors, "TRIALS", {"cv2": "print(1)", "av": "print([])", "onnxruntime": "print('[]')"})


def test_this_machine_can_run(tmp_path: Path) -> None:
    start = time.monotonic()
    found = checks(root=str(tmp_path / "root"), models=tmp_path)
    assert time.monotonic() - start < 20
    for needed in ("python", "cv2", "av", "root"):
        assert found[needed]["status"] == "ok", found[needed]
    assert found["models"]["status"] == "warn" and "laion-aesthetic-v2" in found["models"]["meaning"]
    assert found["leftovers"]["status"] == "ok" if "leftovers" in found else not (tmp_path / "root").exists()
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_doctor_loads_no_heavy_library(tmp_path: Path) -> None:
    script = (
        "import sys; from orchestration.doctor import doctor; from orchestration.settings import Settings; "
        f"doctor(Settings(root={str(tmp_path)!r})); "
        "print(sorted({'cv2', 'av', 'torch', 'transformers', 'onnxruntime', 'faiss', 'rapidocr'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_libraries_that_do_not_load_are_told_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = "raise ImportError('libGL.so.1: cannot open shared object file')"
    slow = "import time; time.sleep(30)"
    monkeypatch.setattr(doctors, "TRIALS", {"cv2": lost, "av": "print('[\"av1\"]')", "onnxruntime": slow})
    monkeypatch.setattr(doctors, "TRIAL_S", 1.0)
    found = checks(root=str(tmp_path), models=tmp_path)
    assert found["cv2"]["status"] == "fail" and "libGL.so.1" in found["cv2"]["meaning"]
    assert "opencv-python-headless" in found["cv2"]["mend"] and "libglib2.0-0" in found["cv2"]["mend"]
    assert found["av"]["status"] == "warn" and "no decoder for av1" in found["av"]["meaning"]
    assert found["onnxruntime"]["status"] == "warn" and "within 1 s" in found["onnxruntime"]["meaning"]


def test_a_root_that_cannot_be_written_fails(quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, _: bytes) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    found = checks(root=str(tmp_path / "a" / "b"))
    assert found["root"]["status"] == "fail" and f"{tmp_path} cannot be written" in found["root"]["meaning"]


def test_leftovers_and_little_room_are_told(quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = tmp_path / ".staging" / "shard-000001" / "scans"
    staged.mkdir(parents=True)
    (staged / "v.parquet").write_bytes(b"x" * 1000)
    (tmp_path / "clips.parquet.1234.tmp").write_bytes(b"x")
    monkeypatch.setattr(doctors, "FREE_BYTES", 1 << 60)
    found = checks(root=str(tmp_path))
    assert found["leftovers"]["meaning"].startswith("1 staged and 1 temporary files")
    assert found["disk"]["status"] == "warn" and "GB free" in found["disk"]["meaning"]


def test_an_object_store_is_not_tried(quick: None) -> None:
    found = checks(root="s3://bucket/prefix")
    assert "not tried" in found["root"]["meaning"] and "disk" not in found


@pytest.mark.parametrize(("home", "status"), [("here", "ok"), ("absent", "warn"), ("relative", "fail")])
def test_dagster_home(
    quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str, status: str
) -> None:  # fmt: skip
    monkeypatch.setenv("DAGSTER_HOME", {"here": str(tmp_path), "absent": str(tmp_path / "x"), "relative": "x"}[home])
    assert checks(root=str(tmp_path))["dagster_home"]["status"] == status


def test_workers_that_do_not_fit_and_few_files(quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    found = checks(root=str(tmp_path), workers=10_000, memory_limit_mb=3000)
    assert found["memory"]["status"] == "warn" and found["memory"]["mend"].startswith("export CLIPSIEVE_WORKERS=")
    assert found["open_files"] == {
        "check": "open_files", "status": "warn", "meaning": "256 on open files", "mend": "ulimit -n 1024",
    }  # fmt: skip


def test_what_torch_was_built_for_and_whether_there_is_a_gpu(
    quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctors, "_gpu", lambda: "NVIDIA H200, 143771 MiB")
    monkeypatch.setattr(doctors, "_torch_build", lambda: ("2.13.0+cpu", None))
    assert checks(root=str(tmp_path))["gpu"]["status"] == "warn"
    monkeypatch.setattr(doctors, "_torch_build", lambda: ("2.13.0", "13.0"))
    found = checks(root=str(tmp_path))
    assert found["gpu"]["meaning"] == "NVIDIA H200, 143771 MiB" and "CUDA 13.0" in found["torch"]["meaning"]
    monkeypatch.setattr(doctors, "_gpu", lambda: None)
    monkeypatch.setattr(doctors, "_torch_build", lambda: None)
    monkeypatch.setattr(doctors, "find_spec", lambda name: None)
    found = checks(root=str(tmp_path))
    assert found["torch"]["status"] == "warn" and found["faiss"]["status"] == "warn"
    assert "duplicates" in found["faiss"]["meaning"] and found["gpu"]["status"] == "ok"
