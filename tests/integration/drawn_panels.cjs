// Reads panels and the frames of their data sources, and writes what Grafana would draw of them.
//
//   node drawn_panels.cjs FOLDER < panels.json      FOLDER holds node_modules/@grafana/data
//
// Transformers, overrides, units, names and sorting are Grafana's. Two things are not in that package and are
// restated: the transformer *Extract fields*, and the list of properties that a field's configuration may have.
'use strict';
const path = require('node:path');
process.env.TZ = 'UTC';
const grafana = require(path.join(path.resolve(process.argv[2]), 'node_modules', '@grafana', 'data'));
// It looks for Grafana's window when it interpolates variables; a window before it is loaded makes it look for a page.
globalThis.window = globalThis;
globalThis.navigator ??= { language: 'en-GB', languages: ['en-GB'] };
const theme = grafana.createTheme();
const NOTHING = { interpolate: (text) => text };

/** A column for each key of the objects in one field; the type of a column is that of its first value. */
function extracted(frame, options) {
    const source = frame.fields.find((field) => field.name === options.source);
    if (!source) return frame;
    const columns = new Map();
    source.values.forEach((value, row) => {
        let found = value;
        if (typeof value === 'string') {
            try { found = JSON.parse(value); } catch { found = {}; }
        }
        if (options.jsonPaths?.length) {
            found = Object.fromEntries(options.jsonPaths.map((one) => [one.alias || one.path, found[one.path] ?? 'Not Found']));
        }
        for (const [key, one] of Object.entries(found)) {
            if (!columns.has(key)) columns.set(key, new Array(frame.length).fill(undefined));
            columns.get(key)[row] = one;
        }
    });
    const fields = [...columns].map(([name, values]) => ({
        name, values, config: {}, type: grafana.getFieldTypeFromValue(values.find((value) => value != null)),
    }));
    const time = options.keepTime ? frame.fields.filter((field) => field.name === 'Time') : [];
    return { ...frame, fields: [...(options.replace ? [] : frame.fields), ...time, ...fields] };
}

const { map } = require(require.resolve('rxjs/operators', { paths: [path.resolve(process.argv[2])] }));
const extractFields = {
    id: 'extractFields', name: 'Extract fields', defaultOptions: {},
    operator: (options) => (source) => source.pipe(map((all) => all.map((frame) => extracted(frame, options)))),
};

// Some have two names.
const known = new Map([...Object.values(grafana.standardTransformers), extractFields].map((one) => [one.id, one]));
grafana.standardTransformersRegistry.setInit(() => [...known.values()].map((one) => ({
    id: one.id, name: one.name, transformation: () => Promise.resolve(one),
})));

const property = (id, process, more) => ({
    id, path: id, name: id, process, override: () => null, editor: () => null, shouldApply: () => true, ...more,
});
const same = grafana.identityOverrideProcessor;
const properties = new grafana.FieldConfigOptionsRegistry(() => [
    property('displayName', grafana.displayNameOverrideProcessor, { settings: { expandTemplateVars: true } }),
    ...['unit', 'noValue', 'links', 'mappings', 'color', 'thresholds'].map((id) => property(id, same)),
    ...['min', 'max', 'decimals'].map((id) => property(id, grafana.numberOverrideProcessor)),
    ...['width', 'hidden'].map((id) => property(`custom.${id}`, same, { path: id, isCustom: true })),
]);

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

function transformed(panel, frames) {
    const wanted = (panel.transformations ?? []).filter((one) => !one.disabled);
    return new Promise((resolve, reject) => {
        grafana.transformDataFrame(wanted, frames, NOTHING).subscribe({ next: resolve, error: reject });
    });
}

async function drawn({ panel, frames }) {
    const made = frames.map((frame) => grafana.createDataFrame(frame));
    const data = grafana.applyFieldOverrides({
        data: await transformed(panel, made), fieldConfig: panel.fieldConfig, theme, timeZone: 'utc',
        fieldConfigRegistry: properties, replaceVariables: (text) => text,
    });
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
