"""The command line without a node: help, mistakes, exit statuses, configuration."""
import os

from harness import DIR, clean_env, done, equal, ok, run

VERBS = ["node", "status", "peers", "circuits", "id", "join", "address", "dht", "sim", "version",
         "help"]


def one_line(text):
    return text.startswith("allium: ") and text.count("\n") <= 2


def test_help():
    status, out, err = run("--help")
    ok(status == 0 and not err, "--help is an answer, not a mistake")
    for verb in VERBS:
        ok(f"\n  {verb} " in out, f"--help names {verb}")
        s, text, err = run(verb, "--help")
        ok(s == 0 and text.startswith(f"Usage: allium {verb}") and not err, f"{verb} --help")
        s, again, _ = run("help", verb)
        ok(s == 0 and again == text, f"help {verb} is the same")
    status, out, _ = run()
    ok(status == 2 and "Verbs:" in out, "no verb: the help, and status 2")
    equal(run("--version")[:2], run("version")[:2], "--version")


def mistake(status, want, *args, **more):
    got, out, err = run(*args, **more)
    ok(got == status and want in err and one_line(err) and not out,
       f"{' '.join(args)[:80]}: status {got}: {err.splitlines()[:1]}")


def test_mistakes():
    mistake(2, "did you mean `status`", "stauts")
    mistake(2, "see `allium help`", "frobnicate")
    mistake(2, "unknown verb", "help", "nothing")
    mistake(2, "did you mean `--hops`", "node", "--hop", "3")
    mistake(2, "unknown option `--hops`", "status", "--hops", "3")
    mistake(2, "unknown option `-x`", "node", "-x")
    mistake(2, "a value is missing", "node", "--port")
    mistake(2, "not a switch", "node", "--no-port")
    mistake(2, "usage: allium join ADDRESS", "join")
    mistake(2, "usage: allium status", "status", "more")
    mistake(2, "begins with `allium:`", "join", "192.0.2.1:9251")
    mistake(2, "no value is wanted", "status", "--json=yes")
    mistake(2, "usage: allium dht", "dht", "put")
    mistake(2, "usage: allium dht", "dht", "frob", "x")
    mistake(2, "wants --key", "dht", "put", "--mutable", "x")
    mistake(2, "belong to --mutable", "dht", "put", "--salt", "a", "x")
    mistake(2, "belong to `dht put`", "dht", "get", "--mutable", "x")
    mistake(2, "at most 8192", "dht", "put", "x" * 8193)
    mistake(3, "no node answers", "dht", "put", "hello")
    for verb in ("status", "peers", "circuits", "id", "address"):
        mistake(3, "start one with `allium node`", verb)
    mistake(3, "no node answers", "join", "allium:192.0.2.1:9251/" + "a" * 80)
    mistake(3, "no node answers", "status", "--control", os.path.join(DIR, "nothing.sock"))
    mistake(3, "is no control socket", "status", "--control", "/" + "x" * 200)


def config(text, name="bad.conf"):
    path = os.path.join(DIR, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def test_config():
    good = config("[node]\nhops = 2\n", "good.conf")
    status, out, err = run("node", "--check-config", "--config", good)
    ok(status == 0 and good in out and not err, "a good file")
    equal(run("node", "--check-config")[0], 0, "no file is good too")
    bad = config("[node]\n\nhops = 7\n")
    mistake(4, f"{bad}:3: hops: ", "node", "--check-config", "--config", bad)
    mistake(4, f"{bad}:3: hops: ", "node", "--config", bad)
    bad = config("[node]\nhopz = 3\n")
    mistake(4, f"{bad}:2: unknown key `hopz`; did you mean `hops`?", "node", "--config", bad)
    mistake(4, f"{bad}:2: ", "status", "--config", bad)
    mistake(4, "--port: `70000`", "node", "--port", "70000")
    mistake(4, "ALLIUM_PADDING: `full`", "node", env=clean_env(ALLIUM_PADDING="full"))
    mistake(4, "nowhere.conf", "node", "--config", "nowhere.conf")
    mistake(4, "--exit-policy: exit rule `accept x:1`", "node", "--exit-policy", "accept x:1")
    mistake(4, "network-secret-file", "node", "--state", os.path.join(DIR, "s"),
            "--network-secret-file", os.path.join(DIR, "none"))
    env = clean_env(ALLIUM_CONFIG=bad)
    mistake(4, f"{bad}:2: ", "node", env=env)
    equal(run("node", "--check-config", "--config", good, env=env)[0], 0, "--config wins")


test_help()
test_mistakes()
test_config()
done()
