"""The processes of one measurement: workers for the runtimes, and those that know the peak.
Each is asked over a pipe, one after the other, and waits while the others run."""

import os
import subprocess
import sys

import cases

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.environ.get("PEERS_BUILD", "build/peers")
LUA = os.environ.get("LUA", "lua5.4")


def command(text):
    """"lua x.lua arg" or "python x.py arg" as a list; else a program that make has built."""
    program, *rest = text.split()
    if program not in ("lua", "python"):
        return [os.path.join(BUILT, program), *rest]
    path = os.path.join(HERE, rest[0])
    return [LUA if program == "lua" else sys.executable, path, *rest[1:]]


def log(text):
    """Where the errors of a process go."""
    return open(os.path.join(BUILT, "_".join(text.split()) + ".log"), "w")


def environment(threads, clock="wall"):
    """Nothing set that would favour anyone; OpenMP, which torch uses, hears the threads so."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_"))}
    return {**env, "OMP_NUM_THREADS": str(threads), "PEERS_THREADS": str(threads),
            "PEERS_CLOCK": clock}


class Worker:
    def __init__(self, text, threads, clock="wall"):
        self.process = subprocess.Popen(
            command(text), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=log(f"{text} {threads}"), env=environment(threads, clock))

    def ask(self, *words):
        """The words of the answer; ["none", reason] if there is none."""
        try:
            print(*words, file=self.process.stdin, flush=True)
            return self.process.stdout.readline().split() or ["none", "it has ended"]
        except BrokenPipeError:
            return ["none", "it has ended"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Team:
    """A worker for each of `threads` and `names`, which sit at (name, threads)."""

    def __init__(self, threads, names, clock):
        self.threads = threads
        self.workers = {(name, n): Worker(cases.WORKERS[name], n, clock)
                        for name in names for n in threads}
        self.measures = {n: Worker(f"fma_peak {n}", n) for n in threads}
        # who answers has loaded its runtime, and takes no processor from the others any more
        for worker in self.workers.values():
            worker.ask("ready")

    def peak(self, threads):
        return float(self.measures[threads].ask("peak")[0])

    def close(self):
        for worker in [*self.workers.values(), *self.measures.values()]:
            worker.close()


def figures(text, threads):
    """What a process prints, as numbers."""
    done = subprocess.run(
        command(text), stdout=subprocess.PIPE, text=True, check=True, env=environment(threads))
    return [float(word) for word in done.stdout.split()]
