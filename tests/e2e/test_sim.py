"""`allium sim`: results, JSON, repetition by seed, mistakes, failed checks, the report."""
import json
import os

from harness import DIR, clean_env, done, equal, ok, run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ENV = clean_env(ALLIUM_SCENARIOS=os.path.join(ROOT, "sim", "scenarios"))
SMALL = ["swarm", "--nodes", "12", "--seed", "4"]


def sim(*args, **more):
    return run("sim", *args, env=ENV, **more)


def write(name, text):
    path = os.path.join(DIR, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def test_run():
    status, out, err = sim(*SMALL, "--json")
    first = json.loads(out)
    equal(status, 0, f"a small swarm passes: {err.strip()[-200:]}")
    equal(first["seed"], 4, "the seed is told")
    ok(first["nodes"]["running"] > 0 and first["streams"]["settle"]["whole"] > 0.5,
       "figures are numbers in objects")
    ok(len(first["distributions"]["streams.done_ms"]["at"]) == 21, "distributions are told")
    again = json.loads(sim(*SMALL, "--json")[1])
    for r in (first, again):
        del r["host"]
    ok(first == again, "the same seed is the same run")
    other = json.loads(sim("swarm", "--nodes", "12", "--seed", "7", "--json")[1])
    ok(other["digest"] != first["digest"], "another seed is another run")
    status, out, _ = sim(*SMALL)
    ok(first["digest"] in out and "streams.settle.whole" in out, "the table says the same")
    status, out, _ = sim(*SMALL, "--trace", "3")
    ok("starts" in out and "link up" in out and "circuit up" in out, "a trace of one node")


def test_failure():
    status, out, err = sim("swarm", "--nodes", "12", "--seed", "7", "--set", "net.loss=90%",
                           "--set", "work.patience=1s", "--set", "check.streams=100%")
    ok(status == 1 and "again with --seed 7" in err and "FAILED" in out,
       f"a failed check is status 1 and tells the seed: {err.strip()[-200:]}")


def mistake(status, want, *args):
    got, out, err = sim(*args)
    ok(got == status and want in err and err.startswith("allium: ") and not out,
       f"{' '.join(args)}: status {got}: {err.splitlines()[:1]}")


def test_mistakes():
    bad = write("bad.ini", "# one\n[network]\nnodes = 10\nnodez = 3\n")
    mistake(4, f"{bad}:4: unknown key `nodez` in [network]", bad)
    bad = write("bad2.ini", "[network]\nnodes = many\n")
    mistake(4, f"{bad}:2: `nodes` cannot be `many`; wanted: 2..1M", bad)
    bad = write("bad3.ini", "[nettwork]\n")
    mistake(4, f"{bad}:1: unknown section [nettwork]", bad)
    bad = write("bad4.ini", "[net]\nloss = 1%\nloss = 2%\n")
    mistake(4, f"{bad}:3: `loss` was given before, in line 2", bad)
    mistake(2, "no scenario `nothing`", "nothing")
    mistake(2, "which scenario?")
    mistake(2, "unknown option: --sed", "swarm", "--sed=3")
    mistake(2, "a value is missing behind: --seed", "swarm", "--seed")
    mistake(2, "--seed wants a number", "swarm", "--seed", "x")
    mistake(2, "wants the number of a node", "swarm", "--seed", "1", "--trace", "1000")
    mistake(4, "`nodes` cannot be `1`", "swarm", "--nodes", "1")
    mistake(4, "is not section.key=value", "swarm", "--set", "nodes")
    status, out, _ = sim("--keys")
    ok(status == 0 and "[churn]\nsession = 0s" in out, "--keys prints every key")


def test_report():
    status, out, _ = sim(*SMALL, "--json")
    file = write("result.json", out)
    plots = os.path.join(DIR, "plots")
    status, out, err = sim("report", "--out", plots, file)
    ok(status == 0 and "plots of 1 results" in out, f"a report: {err.strip()}")
    for name in ("memory.svg", "traffic.svg", "streams-done_ms.svg", "circuits-build_ms.svg"):
        path = os.path.join(plots, name)
        ok(os.path.exists(path) and "<svg" in open(path).read(400), f"{name} is drawn")
    mistake(1, "not what `allium sim --json` prints", "report", write("no.json", "{}"))
    mistake(2, "usage: allium sim report", "report")
    env = dict(ENV, PATH="/nonexistent")
    status, out, err = run("sim", "report", "--out", plots, file, env=env)
    ok(status == 1 and "gnuplot is not there" in err and err.count("\n") == 1,
       "no gnuplot: one line")


test_run()
test_failure()
test_mistakes()
test_report()
done()
