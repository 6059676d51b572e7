"""One line for each row of a measurement.

The peer is the best by its median. The ratios are of the medians and of the best times; GF/s are
lunula's best, FMA is the processor's own peak in the same minute, then the one as a share of the
other; `scaling` is how much faster lunula, and that peer, get by their threads. For a kernel must
and aim are shares of the peak, GF/s and FMA are medians of the same moments; for an op, GF/s are
numbers a nanosecond."""

FORM = ("{:<20} {:>3}  {:>8} {:>8}  {:<9} {:>8} {:>8}  {:>5} {:>5}  {:>4} {:>4}"
        "  {:>6} {:>4} {:>5}  {:>9}")


def head():
    print(FORM.format("", "thr", "lunula", "best ms", "peer", "ms", "best ms", "ratio",
                      "best", "must", "aim", "GF/s", "FMA", "share", "scaling"), flush=True)


def number(value, digits=3):
    if value is None:
        return ""
    return f"{value:.{digits}g}" if value < 1000 else f"{value:.0f}"


def fastest(times):
    """The best of the peers by its median, or None where lunula stands alone."""
    peers = {name: t for name, t in times.items() if name != "lunula"}
    return min(peers, key=lambda name: peers[name]["median"], default=None)


def label(row):
    if row["what"] in ("op", "kernel"):
        return row["what"] + " " + row["model"]
    return f"{row['model']}:{row['batch']}" + (" train" if row["what"] == "train" else "")


def beside(ours, theirs):
    """What is said of a peer."""
    if not theirs:
        return [""] * 4
    return [number(theirs["median"] * 1e3), number(theirs["best"] * 1e3),
            f"{ours['median'] / theirs['median']:.2f}", f"{ours['best'] / theirs['best']:.2f}"]


def scaling(row, first, names):
    """"" if this is the row of the first number of threads."""
    if row is first:
        return ""
    return " ".join(f"{first['times'][n]['median'] / row['times'][n]['median']:.2f}"
                    for n in names if n)


def row(row, first):
    ours, peer = row["times"]["lunula"], fastest(row["times"])
    which = "median" if row["what"] == "kernel" else "best"
    speed, peak = row["flops"] / ours[which] / 1e9, row["peak"][which]
    print(FORM.format(
        label(row), row["threads"], number(ours["median"] * 1e3), number(ours["best"] * 1e3),
        peer or "", *beside(ours, row["times"].get(peer)), number(row["must"]),
        number(row["aim"]), number(speed), f"{peak:.0f}", f"{speed / peak:.2f}",
        scaling(row, first, ["lunula", peer])), flush=True)


def gate(g):
    print("{:<28} {:>9} {:<10} must {:<5} aim {}".format(
        g["gate"], number(g["value"]), g["unit"], number(g["must"]) or "-",
        number(g["aim"]) or "-"), flush=True)
