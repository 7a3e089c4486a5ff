// The shapes of panels the dashboard is made of, typed by Grafana's own schema.

import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  FieldColorModeId,
  GraphDrawStyle,
  LegendDisplayMode,
  MappingType,
  PercentChangeColorMode,
  SortOrder,
  StackingMode,
  ThresholdsMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizOrientation,
} from "@grafana/schema";
import type { DataQuery, DataSourceRef, GridPos, Panel, RowPanel, ValueMapping } from "@grafana/schema";
import type { Options as StatOptions } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type {
  FieldConfig as TimeSeriesField,
  Options as TimeSeriesOptions,
} from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// The units we use, by Grafana's ids.
export type Unit = "s" | "bytes" | "short" | "reqps" | "percentunit" | "dateTimeFromNow";

// A query in PromQL with what its series are called.
export type Query = { expr: string; legend: string };

// Grafana's Prometheus query; the schema leaves each data source its own.
interface PrometheusQuery extends DataQuery {
  expr: string;
  legendFormat: string;
  range: boolean;
  instant: boolean;
}

export const datasource: DataSourceRef = { type: "prometheus", uid: "${datasource}" };

// What a panel is before it has a place.
export type Placed = (id: number, place: GridPos) => Panel;
export type Sized = { width: number; height: number; make: Placed };

function targets(queries: Query[], kind: "range" | "instant"): Record<string, unknown>[] {
  return queries.map(({ expr, legend }, index) => {
    const query: PrometheusQuery = {
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      legendFormat: legend,
      range: kind === "range",
      instant: kind === "instant",
    };
    return { ...query };
  });
}

type Look = { stacked?: boolean; bars?: boolean; max?: number; width?: number };

// Lines, or bars one on the other, over time.
export function series(title: string, description: string, unit: Unit, queries: Query[], look: Look = {}): Sized {
  const custom: TimeSeriesField = {
    drawStyle: look.bars ? GraphDrawStyle.Bars : GraphDrawStyle.Line,
    fillOpacity: look.bars ? 80 : look.stacked ? 30 : 0,
    lineWidth: 1,
    showPoints: VisibilityMode.Never,
    stacking: { mode: look.stacked ? StackingMode.Normal : StackingMode.None, group: "A" },
  };
  const options: TimeSeriesOptions = {
    legend: { calcs: ["lastNotNull", "max"], displayMode: LegendDisplayMode.Table, placement: "bottom", showLegend: true },
    tooltip: { mode: TooltipDisplayMode.Multi, sort: SortOrder.Descending },
  };
  const make: Placed = (id, gridPos) => ({
    id,
    type: "timeseries",
    title,
    description,
    datasource,
    gridPos,
    targets: targets(queries, "range"),
    options: { ...options },
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        ...(look.max === undefined ? {} : { max: look.max }),
        color: { mode: FieldColorModeId.PaletteClassic },
        custom: { ...custom },
      },
      overrides: [],
    },
  });
  return { width: look.width ?? 8, height: 8, make };
}

type Judged = {
  // From which value on it is wrong; without, it is only told.
  wrongFrom?: number;
  // Up to which value it is wrong.
  wrongUpTo?: number;
  // Words instead of numbers.
  words?: Record<string, string>;
  // Shows the series' name and not its value.
  named?: boolean;
};

// One number as it is now: green while it is as it should be.
export function stat(title: string, description: string, unit: Unit, query: Query, judged: Judged = {}): Sized {
  const options: StatOptions = {
    colorMode: BigValueColorMode.Background,
    graphMode: BigValueGraphMode.None,
    justifyMode: BigValueJustifyMode.Center,
    orientation: VizOrientation.Auto,
    percentChangeColorMode: PercentChangeColorMode.Standard,
    reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
    showPercentChange: false,
    textMode: judged.named ? BigValueTextMode.Name : BigValueTextMode.Value,
    wideLayout: true,
  };
  const { wrongFrom, wrongUpTo } = judged;
  const steps =
    wrongFrom !== undefined
      ? [{ color: "green", value: null }, { color: "red", value: wrongFrom }]
      : wrongUpTo !== undefined
        ? [{ color: "red", value: null }, { color: "green", value: wrongUpTo }]
        : [{ color: "blue", value: null }];
  const words: ValueMapping[] = Object.entries(judged.words ?? {}).map(([value, text]) => ({
    type: MappingType.ValueToText,
    options: { [value]: { text } },
  }));
  const make: Placed = (id, gridPos) => ({
    id,
    type: "stat",
    title,
    description,
    datasource,
    gridPos,
    targets: targets([query], "instant"),
    options: { ...options },
    fieldConfig: {
      defaults: {
        unit,
        color: { mode: FieldColorModeId.Thresholds },
        thresholds: { mode: ThresholdsMode.Absolute, steps },
        mappings: words,
        noValue: "no data",
      },
      overrides: [],
    },
  });
  return { width: 3, height: 4, make };
}

export type Section = { title: string; panels: Sized[] };

// Places the panels of each section, under its heading, from left to right.
export function placed(sections: Section[]): (Panel | RowPanel)[] {
  const all: (Panel | RowPanel)[] = [];
  let id = 1;
  let y = 0;
  for (const { title, panels } of sections) {
    all.push({ id: id++, type: "row", title, collapsed: false, panels: [], gridPos: { x: 0, y, w: 24, h: 1 } });
    y += 1;
    let x = 0;
    let tallest = 0;
    for (const { width, height, make } of panels) {
      if (x + width > 24) {
        y += tallest;
        x = 0;
        tallest = 0;
      }
      all.push(make(id++, { x, y, w: width, h: height }));
      x += width;
      tallest = Math.max(tallest, height);
    }
    y += tallest;
  }
  return all;
}
