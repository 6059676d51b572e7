"""Data-parallel training: lunula over MPI beside PyTorch's DDP on gloo, the same processes with one
thread each, in turn. python spec/bench/peers/ranks.py [--ranks 1 2 4] [--models mlp convnet lstm]
[--rows 128] [--rounds 3]; milliseconds a step, medians and bests of all epochs, and the share of
lunula's step in which rank 0 waited. The rows are those of all ranks together."""

import argparse
import os
import statistics
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_rmaps_base_oversubscribe": "1"}


def numbers(text):
    return [tuple(map(float, line.split())) for line in text.splitlines()
            if line[:1].isdigit()]


def lunula(ranks, case):
    start = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    return numbers(subprocess.run(
        [*start, os.environ.get("LUA", "lua5.4"), f"{FOLDER}/ranks.lua", *case],
        env={**os.environ, **ROOT}, stdout=subprocess.PIPE, text=True, check=True).stdout)


def torch(ranks, case):
    def one(rank):
        return subprocess.Popen(
            [sys.executable, f"{FOLDER}/ranks_torch.py", *case], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "RANK": str(rank), "WORLD_SIZE": str(ranks),
                 "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29517", "OMP_NUM_THREADS": "1"})
    team = [one(rank) for rank in range(ranks)]
    texts = [process.communicate()[0] for process in team]
    return numbers(texts[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ranks", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--models", nargs="+", default=["mlp", "convnet", "lstm"])
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--alone", action="store_true", help="without PyTorch")
    o = parser.parse_args()
    print(f"{'model':8} ranks    ms  best  wait   torch  best   ratio  best")
    for name in o.models:
        for ranks in o.ranks:
            case = [name, str(o.rows), str(o.steps), str(o.epochs)]
            ours, theirs = [], []
            for _ in range(o.rounds):
                ours += lunula(ranks, case)
                theirs += [] if o.alone else torch(ranks, case)
            mine, wait = zip(*ours)
            line = (f"{name:8} {ranks:5} {statistics.median(mine):5.2f} {min(mine):5.2f} "
                    f"{100 * statistics.median(wait):4.0f}%")
            if theirs:
                peer = [t for t, _ in theirs]
                a, b = statistics.median(peer), min(peer)
                line += (f"  {a:6.2f} {b:6.2f}  {statistics.median(mine) / a:5.2f} "
                         f"{min(mine) / b:5.2f}")
            print(line, flush=True)


main()
