"""Writes the oracle data of tests/indicators: TA-Lib's values, and signals in exact arithmetic.

    pip install TA-Lib==0.8.2 numpy && python3 make.py

Run once; series.csv, talib.csv, sums.csv and exact.csv are committed. TA-Lib's values are kept for
the first 60 bars and every fifth after them, in 11 digits. Numbers are written so that reading
them gives the same f64. The series are made here from fixed seeds.
"""

import random
from decimal import Decimal, getcontext
from fractions import Fraction

import numpy
import talib

ABSENT = ""


def walk(seed, count, start=100.0, spread=0.02, digits=2, drift=0.0):
    """Closes, highs, lows, volumes of a random walk, rounded to a number of digits."""
    dice = random.Random(seed)
    rows, close = [], start
    for _ in range(count):
        opening = close
        close = max(close * (1 + drift + dice.gauss(0, spread)), start / 50)
        close = round(close, digits)
        high = round(max(opening, close) * (1 + dice.random() * spread), digits)
        low = round(min(opening, close) * (1 - dice.random() * spread), digits)
        rows.append([max(high, close), min(low, close), close, dice.randrange(1, 10**7)])
    return rows


def flat(count, price, volume):
    return [[price, price, price, volume] for _ in range(count)]


def scaled(rows, factor):
    return [[high * factor, low * factor, close * factor, volume] for high, low, close, volume in rows]


def with_bad_prints(rows):
    rows = [list(row) for row in rows]
    for at, price in [(130, 1e12), (260, 1e-3), (330, 1e6)]:
        rows[at] = [max(price, rows[at][0]), min(price, rows[at][1]), price, rows[at][3]]
    return rows


def with_jumps(rows):
    factor, made = 1.0, []
    for at, (high, low, close, volume) in enumerate(rows):
        factor *= {90: 10.0, 180: 0.05, 270: 3.0}.get(at, 1.0)
        made.append([high * factor, low * factor, close * factor, volume])
    return made


def with_flat_runs(rows):
    made = [list(row) for row in rows]
    for first, last in [(60, 100), (200, 225), (300, 318)]:
        close = made[first][2]
        made[first:last] = flat(last - first, close, 1000)
    return made


def monotone(count, step, start):
    return [[start + step * i + 0.5, start + step * i - 0.5, start + step * i, 100 + i] for i in range(count)]


def without_volume(rows):
    return [[high, low, close, 0] for high, low, close, _ in rows]


def grid(seed, count, levels, volumes=(1, 2, 4)):
    """Few levels and volumes: quantities meet exactly, often."""
    dice = random.Random(seed)
    rows = []
    for _ in range(count):
        close = dice.choice(levels)
        high, low = max(close, dice.choice(levels)), min(close, dice.choice(levels))
        rows.append([float(high), float(low), float(close), dice.choice(volumes)])
    return rows


def stay(seed, count, moving):
    """Moves for a while, then keeps still for a while: an RSI that stays where it is."""
    dice = random.Random(seed)
    rows, close = [], 1000
    for at in range(count):
        if (at // moving) % 2 == 0:
            close += dice.choice([-7, -3, 3, 7])
        rows.append([float(close + 1), float(close - 1), float(close), dice.choice([10, 20, 40])])
    return rows


def band_tie():
    """16 closes at one price and 4 at another: the fifth quantity lies on the band, exactly."""
    rows = []
    for _ in range(4):
        rows += flat(40, 10.0, 5) + flat(20, 11.0, 5) + flat(40, 10.0, 5) + flat(20, 9.0, 7)
    return rows


ORACLE = {
    "ordinary": walk(1, 420),
    "rising": walk(2, 400, drift=0.004),
    "flat_runs": with_flat_runs(walk(3, 380)),
    "all_flat": flat(320, 42.17, 1000),
    "monotone_up": monotone(330, 0.25, 10.0),
    "monotone_down": monotone(330, -0.25, 200.0),
    "jumps": with_jumps(walk(4, 380)),
    "bad_prints": with_bad_prints(walk(5, 700)),
    "tiny": walk(6, 360, start=1e-6, digits=12),
    "huge": walk(7, 360, start=1e12, digits=0),
    "no_volume": without_volume(walk(8, 330)),
    "short_39": walk(9, 39),
    "full_mantissa": scaled(walk(10, 360), 1 / 3),
    "large_moves": walk(11, 360, spread=0.2),
}

EXACT = {
    "grid_three": grid(21, 420, [9, 10, 11]),
    "grid_two": grid(22, 420, [100, 101]),
    "grid_wide": grid(23, 420, [10, 20, 30, 40, 50]),
    "stays": stay(24, 420, 20),
    "stays_long": stay(25, 420, 60),
    "band_tie": band_tie(),
    "one_percent": grid(26, 300, [100, 101, 99, 102.01], (1, 1, 1, 10)),
    "flat_then_up": flat(230, 10.1, 3) + monotone(60, 0.1, 10.1),
    "all_flat_tenths": flat(260, 0.1, 3),
    "walk": walk(27, 420),
    "walk_thirds": scaled(walk(28, 420), 1 / 3),
    "bad": with_bad_prints(walk(29, 420)),
    "flats": with_flat_runs(walk(30, 420)),
    "swings": [
        [p + 1, p - 1, float(p), 10]
        for p in [100 + (i % 40 if i % 80 < 40 else 40 - i % 40) for i in range(420)]
    ],
}


def talib_values(rows):
    high, low, close, volume = (numpy.array(column, dtype=float) for column in zip(*rows))
    values = {}
    for period in (5, 20, 50, 60, 200, 300):
        values[f"sma_{period}"] = talib.SMA(close, period)
    for period in (9, 21, 50):
        values[f"ema_{period}"] = talib.EMA(close, period)
    values["rsi"] = talib.RSI(close, 14)
    bands = talib.BBANDS(close, 20, 2.0, 2.0, 0)
    values.update(zip(("bollinger_upper", "bollinger_middle", "bollinger_lower"), bands))
    macd = talib.MACD(close, 12, 26, 9)
    values.update(zip(("macd", "macd_signal", "macd_histogram"), macd))
    stochastic = talib.STOCHF(high, low, close, 14, 3, 0)
    values.update(zip(("stochastic_k", "stochastic_d"), stochastic))
    values["atr"] = talib.ATR(high, low, close, 14)
    values["plus_di"] = talib.PLUS_DI(high, low, close, 14)
    values["minus_di"] = talib.MINUS_DI(high, low, close, 14)
    values["adx"] = talib.ADX(high, low, close, 14)
    values["obv"] = talib.OBV(close, volume)
    values["volume_sma"] = talib.SMA(volume, 20)
    return values


def sign(number):
    return (number > 0) - (number < 0)


def rational_rsi(closes, period=14):
    """Sums of gain and loss, times any common factor, from the bar with the first value on."""
    pairs = [None] * period
    gain = loss = Fraction(0)
    for at in range(1, len(closes)):
        change = closes[at] - closes[at - 1]
        if at > period:
            gain, loss = gain * (period - 1) / period, loss * (period - 1) / period
        gain += max(change, 0)
        loss += max(-change, 0)
        if at >= period:
            pairs.append((gain, loss))
    return pairs


def rational_ema(values, period, first):
    """The average from values[first] on, seeded with the mean of the `period` values up to it."""
    averages = [None] * first
    averages.append(sum(values[first - period + 1 : first + 1]) / Fraction(period))
    for value in values[first + 1 :]:
        averages.append(averages[-1] + Fraction(2, period + 1) * (value - averages[-1]))
    return averages


def rational_positions(rows):
    """By name: the sign of one quantity less another at each bar, None where there is none."""
    highs = [Fraction(row[0]) for row in rows]
    lows = [Fraction(row[1]) for row in rows]
    closes = [Fraction(row[2]) for row in rows]
    count = len(rows)

    def mean(at, period):
        return sum(closes[at - period + 1 : at + 1]) / period if at + 1 >= period else None

    def compared(left, right):
        return [None if a is None or b is None else sign(a - b) for a, b in zip(left, right)]

    ma50 = [mean(at, 50) for at in range(count)]
    ma200 = [mean(at, 200) for at in range(count)]
    positions = {
        "ma50": compared(closes, ma50),
        "ma200": compared(closes, ma200),
        "cross": compared(ma50, ma200),
    }
    pairs = rational_rsi(closes)
    for line in (30, 50, 70):
        positions[f"rsi{line}"] = [
            None if pair is None
            else sign(50 - line) if pair == (0, 0)
            else sign(pair[0] * (100 - line) - pair[1] * line)
            for pair in pairs
        ]
    upper, lower = [], []
    for at in range(count):
        middle = mean(at, 20)
        if middle is None:
            upper.append(None)
            lower.append(None)
            continue
        allowed = 4 * sum((c - middle) ** 2 for c in closes[at - 19 : at + 1]) / 20
        above = closes[at] - middle
        reach = sign(above**2 - allowed)
        upper.append(reach if above >= 0 else -1)
        lower.append(-reach if above <= 0 else 1)
    positions["upper"], positions["lower"] = upper, lower
    fast = rational_ema(closes, 12, 25)
    slow = rational_ema(closes, 26, 25)
    macd = [None if a is None else a - b for a, b in zip(fast, slow)]
    signal = rational_ema(macd, 9, 33)
    macd = [None] * 33 + macd[33:]
    positions["macd_signal"] = compared(macd, signal)
    positions["macd_zero"] = compared(macd, [Fraction(0)] * count)
    places = [None] * count
    for at in range(13, count):
        bottom, top = min(lows[at - 13 : at + 1]), max(highs[at - 13 : at + 1])
        if top > bottom:
            places[at] = (closes[at] - bottom) / (top - bottom)
    averages = [None] * count
    for at in range(2, count):
        three = places[at - 2 : at + 1]
        if None not in three:
            averages[at] = sum(three) / 3
    positions["stochastic"] = compared(places, averages)
    return positions


EDGES = [
    ("ma50_breakout_up", "ma50", (-1, 0), (1,)),
    ("ma50_breakout_down", "ma50", (1, 0), (-1,)),
    ("ma200_breakout_up", "ma200", (-1, 0), (1,)),
    ("ma200_breakout_down", "ma200", (1, 0), (-1,)),
    ("golden_cross", "cross", (-1, 0), (1,)),
    ("dead_cross", "cross", (1, 0), (-1,)),
    ("rsi_overbought", "rsi70", (-1,), (0, 1)),
    ("rsi_oversold", "rsi30", (1,), (0, -1)),
    ("rsi_bullish", "rsi50", (-1, 0), (1,)),
    ("rsi_bearish", "rsi50", (1, 0), (-1,)),
    ("bollinger_break_upper", "upper", (-1, 0), (1,)),
    ("bollinger_break_lower", "lower", (1, 0), (-1,)),
    ("macd_bullish", "macd_signal", (-1, 0), (1,)),
    ("macd_bearish", "macd_signal", (1, 0), (-1,)),
    ("macd_above_zero", "macd_zero", (-1, 0), (1,)),
    ("macd_below_zero", "macd_zero", (1, 0), (-1,)),
    ("stochastic_bullish", "stochastic", (-1, 0), (1,)),
    ("stochastic_bearish", "stochastic", (1, 0), (-1,)),
]


def exact_signals(rows):
    positions = rational_positions(rows)
    raised = []
    for at in range(len(rows)):
        names = []
        for name, pair, before, now in EDGES:
            if at and positions[pair][at - 1] in before and positions[pair][at] in now:
                names.append(name)
        if at >= 19:
            volume = rows[at][3]
            total = sum(row[3] for row in rows[at - 19 : at + 1])
            last = Fraction(rows[at - 1][2])
            move = Fraction(rows[at][2]) - last
            if volume > 0 and volume * 20 >= 2 * total:
                if 100 * move >= last:
                    names.append("volume_breakout_up")
                elif -100 * move >= last:
                    names.append("volume_breakout_down")
        raised.append(names)
    return raised


def kept(rows):
    return [at for at in range(len(rows)) if at < 60 or at % 5 == 0]


def exact_sums(rows, at):
    """The means and bands at a bar, each rounded once from its exact value."""
    closes = [Fraction(row[2]) for row in rows]
    texts = []
    for period in (5, 20, 50, 60, 200, 300):
        full = at + 1 >= period
        texts.append(repr(float(sum(closes[at - period + 1 : at + 1]) / period)) if full else ABSENT)
    if at < 19:
        return texts + [ABSENT, ABSENT]
    window = closes[at - 19 : at + 1]
    middle = sum(window) / 20
    variance = sum((close - middle) ** 2 for close in window) / 20
    getcontext().prec = 60
    root = (Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt()
    width = 2 * Fraction(root)
    return texts + [repr(float(middle + width)), repr(float(middle - width))]


def main():
    with open("series.csv", "w") as out:
        out.write("series,high,low,close,volume\n")
        for name, rows in (ORACLE | EXACT).items():
            for high, low, close, volume in rows:
                assert high >= low > 0
                out.write(f"{name},{high!r},{low!r},{close!r},{volume}\n")
    with open("talib.csv", "w") as out:
        columns = list(talib_values(ORACLE["ordinary"]))
        out.write("series,bar," + ",".join(columns) + "\n")
        for name, rows in ORACLE.items():
            values = talib_values(rows)
            for at in kept(rows):
                texts = [
                    ABSENT if numpy.isnan(values[c][at]) else f"{values[c][at]:.11g}" for c in columns
                ]
                out.write(f"{name},{at}," + ",".join(texts) + "\n")
    with open("sums.csv", "w") as out:
        out.write("series,bar,sma_5,sma_20,sma_50,sma_60,sma_200,sma_300,bollinger_upper,bollinger_lower\n")
        for name in ("bad_prints", "full_mantissa", "tiny", "huge", "flat_runs"):
            for at in kept(ORACLE[name]):
                out.write(",".join([name, str(at), *exact_sums(ORACLE[name], at)]) + "\n")
    with open("exact.csv", "w") as out:
        out.write("series,bar,signals\n")
        for name, rows in EXACT.items():
            for at, names in enumerate(exact_signals(rows)):
                if names:
                    out.write(f"{name},{at},{' '.join(names)}\n")


main()
