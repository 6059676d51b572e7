"""Measures lunula beside other runtimes: see README.md here. `make bench-peers` calls it."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import cases
import data
import table
import team

TOLERANCE = 1e-5


def arguments():
    parser = argparse.ArgumentParser(prog="make bench-peers ARGS=...")
    parser.add_argument("what", nargs="*", help="models, model:batch, predict, train, op, "
                        "kernel, gate, or words of a gate's name; all of them if nothing is said")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="+", help="only cases of these batches")
    parser.add_argument("--peers", nargs="+", default=list(cases.WORKERS)[1:],
                        choices=list(cases.WORKERS)[1:])
    parser.add_argument("--rounds", type=int, default=9, help="slices of each, at most")
    parser.add_argument("--slice", type=float, default=0.1, help="seconds of a slice, at least "
                        "one run")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help="cpu: processor "
                        "time, for a busy machine; it says nothing of more than one thread")
    parser.add_argument("--json", metavar="FILE", help="where everything measured is kept")
    return parser.parse_args()


def export(names):
    """Writes the files of the models that are not there, or older than their makers."""
    makers = [os.path.join(team.HERE, name)
              for name in ("models.py", "torch_models.py", "data.py", "export.py")]
    newest = max(map(os.path.getmtime, makers))

    def fresh(name):
        file = data.path(name + ".json")
        return os.path.exists(file) and os.path.getmtime(file) > newest
    missing = [name for name in names if not fresh(name)]
    if missing:
        subprocess.run([sys.executable, makers[-1], *missing], check=True,
                       stderr=team.log("export"))


def check(group, names):
    """Every runtime must give Keras's numbers; one that does not is a fault, and ends this."""
    first = {n: w for (n, threads), w in group.workers.items() if threads == group.threads[0]}
    for name in names:
        found = {peer: w.ask("check", name) for peer, w in first.items()}
        can = {peer: float(words[0]) for peer, words in found.items() if words[0] != "none"}
        print(f"  {name}: " + ", ".join(f"{p} {v:.0e}" for p, v in can.items()), flush=True)
        wrong = [p for p, difference in can.items() if not difference <= TOLERANCE]
        if wrong or "lunula" not in can:
            sys.exit(f"{name}: not Keras's numbers: {wrong or found['lunula']}")


def plan(worker, case, least):
    """Runs of a slice, calls of a run, and the slice's seconds: a run takes 20 us or more, so that
    a clock can tell. None if the worker has no such case."""
    words = worker.ask(case.what, case.model, case.batch, 1, 1)
    if words[0] == "none":
        return None
    seconds = float(words[0])
    calls = max(1, round(20e-6 / seconds))
    runs = max(1, round(least / (seconds * calls)))
    return runs, calls, runs * calls * seconds


def rounds_of(plans, options):
    """Of large models fewer: three, or as many as go into a minute."""
    seconds = sum(how[2] for how in plans.values())
    return min(options.rounds, max(3, int(60 / seconds)))


def ask(group, seat, case, how):
    words = group.workers[seat].ask(case.what, case.model, case.batch, *how[:2])
    if words[0] == "none":
        sys.exit(f"{case.model}:{case.batch}: {seat[0]}: {' '.join(words[1:])}")
    if seat[1] > 1:
        time.sleep(0.02)                             # idle threads of a pool spin for a while
    return [float(word) for word in words]


def measure(group, case, options):
    """Takes the workers in turn. Seat -> the best and the median of each slice; threads -> the
    peak beside each slice: of a kernel in it."""
    plans = {seat: plan(w, case, options.slice) for seat, w in group.workers.items()
             if case.what != "kernel" or seat[0] == "lunula"}
    plans = {seat: how for seat, how in plans.items() if how}
    if ("lunula", group.threads[0]) not in plans:
        sys.exit(f"{case.model}:{case.batch}: lunula does not do it")
    found, peaks = {seat: [] for seat in plans}, {n: [] for n in group.threads}
    for _ in range(rounds_of(plans, options)):
        for n in group.threads if case.what != "kernel" else ():
            peaks[n].append(group.peak(n))
        for seat in found:
            best, median, *peak = ask(group, seat, case, plans[seat])
            found[seat].append((best, median))
            peaks[seat[1]] += peak
    return found, peaks


def times_of(found, threads):
    """Name -> the median of the medians, and the best of the bests, in seconds."""
    return {name: {"median": statistics.median(m for _, m in slices),
                   "best": min(b for b, _ in slices)}
            for (name, n), slices in found.items() if n == threads}


def rows_of(found, peaks, case):
    flops = case.flops or data.flops(case.model) * case.batch * (3 if case.what == "train" else 1)
    return [{"what": case.what, "model": case.model, "batch": case.batch, "threads": n,
             "must": case.must, "aim": case.aim, "flops": flops, "times": times_of(found, n),
             "peak": {"median": statistics.median(peaks[n]), "best": max(peaks[n])}}
            for n in peaks]


def keep(rows, path):
    if path:
        with open(path, "w") as file:
            json.dump(rows, file, indent=1)


def bench(chosen, options):
    if not chosen:
        return []
    peers = options.peers if any(c.what != "kernel" for c in chosen) else []
    group = team.Team(options.threads, ["lunula", *peers], options.clock)
    print("-- differences from Keras", flush=True)
    check(group, dict.fromkeys(c.model for c in chosen if c.what not in cases.NO_MODEL))
    table.head()
    rows = []
    for case in chosen:
        found = rows_of(*measure(group, case, options), case)
        for row in found:
            table.row(row, found[0])
        rows += found
        keep(rows, options.json)
    group.close()
    return rows


def best_of_some(g):
    """What it costs at least: three processes, and more for half a second, since the first of a
    processor that was at rest are slow."""
    values, start = [], time.monotonic()
    while len(values) < 3 or time.monotonic() - start < 0.5:
        values.append(team.figures(g.command, 1)[g.column])
    return min(values)


def gate(chosen):
    if chosen:
        print("-- processes of their own, 1 thread, the best of some")
    found = []
    for g in chosen:
        value = best_of_some(g)
        found.append({"gate": g.name, "value": value, "unit": g.unit, "must": g.must,
                      "aim": g.aim})
        table.gate(found[-1])
    return found


def main():
    options = arguments()
    chosen, gates = cases.chosen(options.what, options.batch)
    if not chosen and not gates:
        sys.exit(f"nothing is called {' '.join(options.what)}: see cases.py")
    names = {c.model for c in chosen if c.what not in cases.NO_MODEL} | {g.model for g in gates if g.model}
    export(sorted(names))
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    keep(bench(chosen, options) + gate(gates), options.json)


main()
