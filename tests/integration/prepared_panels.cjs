// What Grafana makes of a panel's frames before it draws them: transformations, overrides, units and names.
//
// Transformers and overrides are those of @grafana/data, which the caller gives, as is `map` of rxjs. Two things are
// not in that package and are restated: the transformer *Extract fields*, and the list of properties that a field's
// configuration may have.
'use strict';
const CUSTOM = [
    'align', 'axisPlacement', 'cellOptions', 'drawStyle', 'fillOpacity', 'hidden', 'hideFrom', 'inspect',
    'lineInterpolation', 'lineWidth', 'pointSize', 'scaleDistribution', 'showPoints', 'spanNulls', 'stacking',
    'thresholdsStyle', 'width',
];

/** A function of `{ panel, frames }` that gives the frames as a panel draws them. */
module.exports = (grafana, map, theme) => {
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
        ...CUSTOM.map((id) => property(`custom.${id}`, same, { path: id, isCustom: true })),
    ]);

    function transformed(panel, frames) {
        const wanted = (panel.transformations ?? []).filter((one) => !one.disabled);
        return new Promise((resolve, reject) => {
            grafana.transformDataFrame(wanted, frames, { interpolate: (text) => text }).subscribe({ next: resolve, error: reject });
        });
    }

    return async ({ panel, frames }) => grafana.applyFieldOverrides({
        data: await transformed(panel, frames.map((frame) => grafana.createDataFrame(frame))),
        fieldConfig: panel.fieldConfig, theme, timeZone: 'utc',
        fieldConfigRegistry: properties, replaceVariables: (text) => text,
    });
};
