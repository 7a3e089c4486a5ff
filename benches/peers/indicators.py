"""The same indicators by pandas and by TA-Lib, on the bars of a CSV file (high,low,close,volume).

    python3 benches/peers/indicators.py BARS.csv

Called by `cargo bench --bench figures -- indicators`; needs pandas and TA-Lib: `just peers`. Prints
nanoseconds of CPU a bar for the whole series, best of some rounds, one line a peer.
"""

import sys
import time

import numpy
import pandas
import talib

ROUNDS = 5


def by_pandas(bars):
    high, low, close, volume = bars.high, bars.low, bars.close, bars.volume
    made = {f"sma_{n}": close.rolling(n).mean() for n in (5, 20, 50, 60, 200, 300)}
    made |= {f"ema_{n}": close.ewm(span=n, adjust=False).mean() for n in (9, 21, 50)}
    change = close.diff()
    gain = change.clip(lower=0).ewm(alpha=1 / 14, adjust=False).mean()
    loss = (-change.clip(upper=0)).ewm(alpha=1 / 14, adjust=False).mean()
    made["rsi"] = 100 * gain / (gain + loss)
    middle, width = close.rolling(20).mean(), 2 * close.rolling(20).std(ddof=0)
    made["upper"], made["lower"] = middle + width, middle - width
    fast, slow = (close.ewm(span=n, adjust=False).mean() for n in (12, 26))
    made["macd"] = fast - slow
    made["signal"] = made["macd"].ewm(span=9, adjust=False).mean()
    top, bottom = high.rolling(14).max(), low.rolling(14).min()
    made["k"] = 100 * (close - bottom) / (top - bottom)
    made["d"] = made["k"].rolling(3).mean()
    before = close.shift()
    spans = [high - low, (high - before).abs(), (low - before).abs()]
    span = pandas.concat(spans, axis=1).max(axis=1)
    made["atr"] = span.ewm(alpha=1 / 14, adjust=False).mean()
    up, down = high.diff(), -low.diff()
    plus = up.where((up > down) & (up > 0), 0).ewm(alpha=1 / 14, adjust=False).mean()
    minus = down.where((down > up) & (down > 0), 0).ewm(alpha=1 / 14, adjust=False).mean()
    made["plus"], made["minus"] = 100 * plus / made["atr"], 100 * minus / made["atr"]
    dx = 100 * (plus - minus).abs() / (plus + minus)
    made["adx"] = dx.ewm(alpha=1 / 14, adjust=False).mean()
    made["obv"] = (numpy.sign(change).fillna(0) * volume).cumsum()
    made["volume_sma"] = volume.rolling(20).mean()
    month = numpy.arange(len(bars)) // 21
    typical = (high + low + close) / 3 * volume
    made["vwap"] = typical.groupby(month).cumsum() / volume.groupby(month).cumsum()
    return made


def by_talib(bars):
    high, low, close, volume = (bars[name].to_numpy(dtype=float) for name in bars)
    made = [talib.SMA(close, n) for n in (5, 20, 50, 60, 200, 300)]
    made += [talib.EMA(close, n) for n in (9, 21, 50)]
    made += [talib.RSI(close, 14), talib.BBANDS(close, 20, 2.0, 2.0, 0)]
    made += [talib.MACD(close, 12, 26, 9), talib.STOCHF(high, low, close, 14, 3, 0)]
    made += [talib.ATR(high, low, close, 14), talib.ADX(high, low, close, 14)]
    made += [talib.PLUS_DI(high, low, close, 14), talib.MINUS_DI(high, low, close, 14)]
    made += [talib.OBV(close, volume), talib.SMA(volume, 20)]
    return made


def best_of(work, bars):
    times = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        work(bars)
        times.append(time.thread_time() - start)
    return min(times)


def main():
    bars = pandas.read_csv(sys.argv[1])
    decade = bars.head(2520)
    for name, work in (("pandas", by_pandas), ("talib", by_talib)):
        whole = best_of(work, bars) / len(bars) * 1e9
        print(f"{name} {whole:.1f} {best_of(work, decade) * 1e6:.1f}")


main()
