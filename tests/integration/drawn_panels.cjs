// Reads panels and the frames of their data sources, and writes what Grafana would draw of them.
//
//   node drawn_panels.cjs FOLDER < panels.json      FOLDER holds node_modules/@grafana/data
//
// Transformers, overrides, units, names and sorting are Grafana's; what is restated stands in prepared_panels.cjs.
'use strict';
const path = require('node:path');
process.env.TZ = 'UTC';
const grafana = require(path.join(path.resolve(process.argv[2]), 'node_modules', '@grafana', 'data'));
// It looks for Grafana's window when it interpolates variables; a window before it is loaded makes it look for a page.
globalThis.window = globalThis;
globalThis.navigator ??= { language: 'en-GB', languages: ['en-GB'] };
const theme = grafana.createTheme();
const { map } = require(require.resolve('rxjs/operators', { paths: [path.resolve(process.argv[2])] }));
const prepared = require('./prepared_panels.cjs')(grafana, map, theme);

const shown = (field, value) => grafana.formattedValueToString(field.display(value)).trim();

/** The columns in their order, rows as the panel sorts them at first. */
function table(panel, frame) {
    const title = (field, of) => grafana.getFieldDisplayName(field, of, [of]);
    const by = panel.options?.sortBy?.[0];
    const place = by ? frame.fields.findIndex((field) => title(field, frame) === by.displayName) : -1;
    const sorted = place < 0 ? frame : grafana.sortDataFrame(frame, place, by.desc);
    return {
        columns: sorted.fields.map((field) => ({
            title: title(field, sorted), type: field.type, values: [...field.values],
            texts: [...field.values].map((value) => shown(field, value)),
            links: (field.config.links ?? []).map((link) => link.url),
        })),
        is_sorted: !by || place >= 0,
    };
}

/** Each number field as a line, or as a row of a heatmap. */
function series(frames) {
    return frames.flatMap((frame) => frame.fields.filter((field) => field.type === 'number').map((field) => ({
        name: grafana.getFieldDisplayName(field, frame, frames),
        times: [...frame.fields.find((one) => one.type === 'time').values],
        values: [...field.values], texts: [...field.values].map((value) => shown(field, value)),
    })));
}

function numbers(panel, frames) {
    const found = grafana.getFieldDisplayValues({
        fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, data: frames, theme,
        replaceVariables: (text) => text, timeZone: 'utc',
    });
    return found.map((one) => ({ value: one.display.numeric, text: grafana.formattedValueToString(one.display).trim() }));
}

async function drawn({ panel, frames }) {
    const data = await prepared({ panel, frames });
    if (data.every((frame) => !frame.length)) return { nothing: panel.fieldConfig.defaults.noValue ?? 'No data' };
    if (panel.type === 'stat') return { numbers: numbers(panel, data) };
    if (panel.type !== 'table') return { series: series(data) };
    // A table shows one frame, and offers the others in a menu below it.
    return { ...table(panel, data[0]), frames: data.length };
}

(async () => {
    const chunks = [];
    for await (const chunk of process.stdin) chunks.push(chunk);
    const panels = JSON.parse(Buffer.concat(chunks).toString());
    const results = [];
    for (const one of panels) results.push(await drawn(one));
    process.stdout.write(JSON.stringify(results));
})();
