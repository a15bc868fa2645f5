"""SVG plots of the results that test/bench/suite collects, drawn by gnuplot. They follow the reader's light or dark
scheme, on a ground of their own, so that they are readable where the page does not."""
import math
import os
import re
import shutil
import subprocess

from curves import one_client

# Colors that stand out from white and from black.
COLORS = {"vecstore": "#1a7f37", "vecstore, compact": "#7bbf5a", "pgvector": "#3b78d8", "hnswlib": "#d9822b"}
INK, PAPER, GRID = "#010203", "#fdfefc", "#8b949e"
FONT = "Helvetica,Arial,sans-serif"
STYLE = (f"<style>svg{{color:#1f2328;font-family:{FONT}}}.paper{{fill:#fff}}"
         "@media(prefers-color-scheme:dark){svg{color:#e6edf3}.paper{fill:#151b23}}</style>")
KEY = "set key tmargin center horizontal Left reverse samplen 1 width 1 font ',11'"
# Places on the axis of recall, which is -log10(1 - recall): equal steps halve the misses.
RECALL_TICS = [0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995]


def is_there():
    return shutil.which("gnuplot") is not None


def draw(sets, folder):
    """Draws what the sets have results for; returns the names of the files."""
    os.makedirs(folder, exist_ok=True)
    plots = {"recall.svg": recall_plot, "build.svg": build_plot, "size.svg": size_plot, "inserts.svg": inserts_plot}
    drawn = []
    for name, plot in plots.items():
        made = plot(sets)
        path = os.path.join(folder, name)
        if made is None:
            if os.path.exists(path):
                os.remove(path)
            continue
        script, width, height = made
        gnuplot(script, path, width, height)
        drawn.append(name)
    return drawn


def gnuplot(script, path, width, height):
    head = (f"set encoding utf8\nset terminal svg size {width},{height} enhanced font '{FONT},13' "
            f"background rgb '{PAPER}'\nset output '{path}'\n"
            f"set border 3 lc rgb '{INK}'\nset tics nomirror textcolor rgb '{INK}'\n"
            f"set grid ytics lc rgb '{GRID}' lw 0.4 dt 3\nset key textcolor rgb '{INK}'\n"
            f"set title textcolor rgb '{INK}'\nset xlabel textcolor rgb '{INK}'\nset ylabel textcolor rgb '{INK}'\n")
    done = subprocess.run(["gnuplot"], input=head + script, capture_output=True, text=True,
                          env={**os.environ, "GNUTERM": "svg"})
    if done.returncode != 0:
        raise RuntimeError(f"gnuplot: {done.stderr.strip()}\n{head + script}")
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(with_schemes(text))


def with_schemes(svg):
    """Ink and paper follow the reader's color scheme; what gnuplot repeats for nothing is left out."""
    def color(code):
        r, g, b = (int(code[i:i + 2], 16) for i in (1, 3, 5))
        return rf"(?i:{code}|rgb\(\s*{r},\s*{g},\s*{b}\s*\))"
    svg = re.sub(rf"fill\s*=\s*(['\"]){color(PAPER)}\1", 'class="paper"', svg)
    svg = re.sub(rf" color=(['\"])(?:black|gray|{color(PAPER)}|{color(INK)})\1", "", svg)
    svg = re.sub(color(INK) + r"|(?<=['\"])black(?=['\"])", "currentColor", svg)
    svg = re.sub(rf" font-family=\"{FONT}\"", "", svg)
    svg = re.sub(r"<tspan\s*>([^<]*)</tspan>", r"\1", svg)
    for _ in range(3):
        svg = re.sub(r"<g[^>]*>\s*</g>\n?", "", svg)
    for default in (' stroke-linecap="butt"', ' stroke-linejoin="miter"', ' stroke-width="1.00"', ' class="gridline"'):
        svg = svg.replace(default, "")
    svg = re.sub(r"<title>.*?</title>|<desc>.*?</desc>", "", svg, flags=re.S)
    return re.sub(r"(<svg[^>]*>)", lambda m: m.group(1) + "\n" + STYLE, svg, count=1)


def two_lines(title):
    return quoted(title.replace(" x ", "\\n× "))


def quoted(text):
    return '"' + text.replace('"', "'") + '"'


# ------------------------------------------------------------------------------------- recall against queries/s

def recall_plot(sets):
    """A panel for each set: queries per second, one client, against recall@10."""
    columns = min(2, len(sets))
    rows = math.ceil(len(sets) / columns)
    width, height = 460 * columns, 320 * rows + 40
    script = (f"set multiplot layout {rows},{columns} title "
              f"\"Queries per second, one client, against recall\\\\@10; up and to the right is better\" "
              f"font ',15' textcolor rgb '{INK}'\n"
              "set logscale y\nset format y '%.0f'\nset xlabel 'recall\\@10'\nset ylabel 'queries/s'\n"
              f"{KEY}\n"
              f"set grid xtics ytics lc rgb '{GRID}' lw 0.4 dt 3\n")
    for s in sets:
        curves = [(name, recall_points(points)) for name, points in s.curves() if name in COLORS]
        xs = [x for _, points in curves for x, _ in points]
        tics = ", ".join(f"'{t:g}' {place(t):.4f}" for t in RECALL_TICS)
        script += f"set title {quoted(s.title)}\nset xtics ({tics.replace(chr(39) + '0.', chr(39) + '.')})\n"
        lowest = min(max(WORST_DRAWN, min(xs)), max(xs))
        script += f"set xrange [{lowest - 0.05:.3f}:{max(xs) + 0.05:.3f}]\n"
        blocks, parts = "", []
        for i, (name, points) in enumerate(curves):
            blocks += f"$c{i} << END\n" + "".join(f"{x:.4f} {y:.1f}\n" for x, y in points) + "END\n"
            parts.append(f"$c{i} using 1:2 with linespoints lw 2 pt 7 ps 0.6 lc rgb '{COLORS[name]}' title {quoted(name)}")
        script += blocks + "plot " + ", ".join(parts) + "\n"
    return script + "unset multiplot\n", width, height


def place(recall):
    """Where a recall stands on the axis; what misses less than the last place shows is drawn there."""
    return -math.log10(max(1 - recall, 4e-4))


# Points of less recall are left out where there are better ones.
WORST_DRAWN = place(0.8)


def recall_points(points):
    client = one_client(points)
    return [(place(q["recall"]), q[client]["per_second"]) for q in sorted(points, key=lambda q: q["ef_search"])]


# ------------------------------------------------------------------------------------------------------- bars

def bars(title, unit, sets, series, digits=0):
    """Clusters of bars with their values on top, a cluster for each set; series: {name: figures of the sets}.
    Returns gnuplot's commands, or None where there is no figure."""
    series = {name: values for name, values in series.items() if any(v is not None for v in values)}
    if not series:
        return None
    step = len(series) + 1
    blocks, parts, highest = "", [], 0
    for i, (name, values) in enumerate(series.items()):
        blocks += f"$b{i} << END\n"
        for j, value in enumerate(values):
            if value is not None:
                highest = max(highest, value)
                blocks += f"{j * step + i} {value:.6g} \"{value:,.{digits}f}\"\n"
        blocks += "END\n"
        parts.append(f"$b{i} using 1:2 with boxes fs solid noborder lc rgb '{COLORS[name]}' title {quoted(name)}")
        parts.append(f"$b{i} using 1:2:3 with labels offset 0,0.5 font ',8' textcolor rgb '{INK}' notitle")
    middle = (len(series) - 1) / 2
    tics = ", ".join(f"{two_lines(s.title)} {j * step + middle:g}" for j, s in enumerate(sets))
    return (f"set title {quoted(title)}\nset ylabel {quoted(unit)}\nset xlabel ''\nset format y '%.0f'\n"
            f"set boxwidth 0.9\nset yrange [0:{1.12 * highest:.6g}]\nset xtics ({tics}) scale 0\n"
            f"set xrange [-1:{len(sets) * step - 1}]\n{KEY}\nset bmargin 4\n"
            + blocks + "plot " + ", ".join(parts) + "\n")


def bar_width(sets, series):
    return max(420, 120 + 27 * len(sets) * (series + 1))


def build_plot(sets):
    def per_row(s, which):
        seconds = s.figure(which, "build_seconds")
        return seconds and seconds / s.vecstore["rows"] * 1e5
    script = bars("Build time for each 100,000 rows; less is better", "seconds", sets,
                  {name: [per_row(s, key) for s in sets]
                   for key, name in (("vecstore", "vecstore"), ("vector", "pgvector"), ("hnswlib", "hnswlib"))}, 1)
    return script and (script, bar_width(sets, 3), 340)


def size_plot(sets):
    script = bars("Size of the index (hnswlib: its memory) for each row; less is better", "bytes", sets, {
        "vecstore": [s.figure("vecstore", "index_bytes_per_row") for s in sets],
        "vecstore, compact": [s.figure("vecstore", "modes", "compact", "index_bytes_per_row") for s in sets],
        "pgvector": [s.figure("vector", "index_bytes_per_row") for s in sets],
        "hnswlib": [s.figure("hnswlib", "index_bytes_per_row") for s in sets]})
    return script and (script, bar_width(sets, 4), 340)


def inserts_plot(sets):
    sets = [s for s in sets if s.figure("vecstore", "inserts")]
    names = (("vecstore", "vecstore"), ("vector", "pgvector"))
    panels = [("Single-row inserts, one client; more is better", "rows/s", "later", "per_second"),
              ("WAL for each insert, going on; less is better", "bytes", "later", "wal_bytes_per_row"),
              ("WAL for each insert, right after a checkpoint; less is better", "bytes", "after_checkpoint",
               "wal_bytes_per_row")]
    scripts = [bars(title, unit, sets, {name: [s.figure(key, "inserts", when, what) for s in sets]
                                        for key, name in names}) for title, unit, when, what in panels] if sets else []
    if not any(scripts):
        return None
    return ("set multiplot layout 3,1\n" + "".join(scripts) + "unset multiplot\n", bar_width(sets, 2.5), 960)
