"""`make demo`: twice at once; a relay dies half-way; nothing stays behind, even after kill -9."""
import os
import re
import signal
import subprocess
import sys

from harness import ALLIUM, DIR, clean_env, done, equal, ok, wait_until

DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "demo")


def begin(name, program=ALLIUM, megabytes="24"):
    """A demo whose temporary files are in a folder of its own."""
    folder = os.path.join(DIR, name)
    os.mkdir(folder)
    return folder, subprocess.Popen(
        [sys.executable, DEMO, program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=clean_env(TMPDIR=folder, DEMO_MB=megabytes))


def left(folder):
    """Processes that name the folder in their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if folder.encode() in f.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def lines(out):
    return {s[:9].strip(): s[10:] for s in (x[2:] for x in out.splitlines()[1:]) if s[:9].strip()}


def whole(name, folder, process):
    out, err = process.communicate(timeout=150)
    if not ok(process.returncode == 0, f"{name}: the demo works"):
        print("".join(f"# {x}\n" for x in (out + err).splitlines()))
        return
    said = lines(out)
    path = re.findall("[a-z2-7]{8}", said.get("path", ""))
    ok(len(path) == 7 and said["nodes"].split()[1].startswith(path[0]),
       f"{name}: from the client over five relays to the service")
    killed = said.get("kill -9", "").split(",")[0]
    there = re.search(r"with (\d+) of 24 MB", said.get("kill -9", ""))
    ok(killed in path[1:-1] and there and 12 <= int(there[1]) < 24,
       f"{name}: a relay of the path was killed in the middle: {said.get('kill -9')}")
    after = out[out.index("then on over"):].splitlines()[1]
    ok(killed not in after, f"{name}: it is on the path no more: {after.strip()}")
    pause = float(said["pause"].split()[0])
    ok(0 < pause < 30, f"{name}: the download paused {pause} s and went on")
    ok("24 MB in" in said["download"] and "SHA-256 equal" in said["download"],
       f"{name}: {said['download']}")
    equal(left(folder), [], f"{name}: nothing is left running")
    equal(os.listdir(folder), [], f"{name}: and no file left behind")


def ended(number, empty):
    """The demo is ended from outside as soon as nodes run."""
    folder, process = begin(f"ended{number}")
    ok(wait_until(lambda: len(left(folder)) >= 4, 30), "a demo that is interrupted")
    process.send_signal(number)
    process.communicate(timeout=30)
    ok(process.returncode != 0, "says so")
    ok(wait_until(lambda: not left(folder), 10), "and leaves nothing running")
    if empty:
        equal(os.listdir(folder), [], "nor a file")


def refused(name, program, megabytes, want):
    folder, process = begin(name, program, megabytes)
    out, err = process.communicate(timeout=30)
    ok(process.returncode == 1 and err.count("\n") == 1 and want in err, f"one line: {err.strip()}")
    equal(os.listdir(folder), [], "and no file")


refused("missing", "/nowhere/allium", "24", "run `make` first")
refused("none", ALLIUM, "0", "whole number")
refused("large", ALLIUM, "900000000", "no room")
refused("broken", "/bin/false", "24", "did not start")
both = [(name, *begin(name)) for name in ("first", "second")]
for one in both:
    whole(*one)
ended(signal.SIGTERM, True)
ended(signal.SIGKILL, False)
done()
