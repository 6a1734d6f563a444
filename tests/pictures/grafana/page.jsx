// Draws panels and their frames with Grafana's own components: the table that the panel Table uses, its numbers and
// lines, each in a panel's frame and at its size. Heatmaps, logs and texts are not among them.
import * as grafana from '@grafana/data';
import {
    BigValue, BigValueColorMode, BigValueGraphMode, BigValueJustifyMode, BigValueTextMode, GlobalStyles, PanelChrome,
    TimeSeries,
} from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { createRoot } from 'react-dom/client';
import { map } from 'rxjs/operators';
import prepare from './prepared_panels.cjs';

const theme = grafana.createTheme({ colors: { mode: 'dark' } });
const prepared = prepare(grafana, map, theme);
const GAP = 8, ROW = 38;
// What the panels have where a dashboard does not say otherwise.
const CUSTOM = {
    table: { cellOptions: { type: 'auto' }, align: 'auto', inspect: false },
    timeseries: {
        drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, showPoints: 'auto', pointSize: 5,
        spanNulls: false, axisPlacement: 'auto', scaleDistribution: { type: 'linear' },
        stacking: { mode: 'none', group: 'A' }, thresholdsStyle: { mode: 'off' },
        hideFrom: { tooltip: false, viz: false, legend: false },
    },
};

function withDefaults(panel) {
    const given = panel.fieldConfig.defaults;
    const color = { mode: panel.type === 'timeseries' ? 'palette-classic' : 'thresholds' };
    const defaults = { color, ...given, custom: { ...CUSTOM[panel.type], ...given.custom } };
    return { ...panel, fieldConfig: { ...panel.fieldConfig, defaults } };
}

function Number({ panel, data, ...size }) {
    const [{ display }] = grafana.getFieldDisplayValues({
        fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, data, theme,
        replaceVariables: (text) => text, timeZone: 'utc',
    });
    return <BigValue {...size} value={display} theme={theme} colorMode={BigValueColorMode.Value}
        graphMode={BigValueGraphMode.None} justifyMode={BigValueJustifyMode.Auto} textMode={BigValueTextMode.Auto} />;
}

function Inside({ panel, data, timeRange, ...size }) {
    if (data.every((frame) => !frame.length)) return <p style={{ textAlign: 'center' }}>{panel.fieldConfig.defaults.noValue}</p>;
    if (panel.type === 'stat') return <Number {...size} panel={panel} data={data} />;
    if (panel.type === 'table') {
        const { showTypeIcons, sortBy, cellHeight } = panel.options;
        return <TableNG {...size} data={data[0]} resizable fieldConfig={panel.fieldConfig} timeRange={timeRange}
            showTypeIcons={showTypeIcons} sortBy={sortBy} cellHeight={cellHeight} structureRev={1} />;
    }
    return <TimeSeries {...size} frames={data} timeRange={timeRange} timeZone="utc" legend={panel.options.legend}
        structureRev={1} />;
}

function Panel({ panel, data, timeRange, width }) {
    const own = Math.floor((width - 2 * GAP) * panel.gridPos.w / 24) - GAP;
    return <PanelChrome title={panel.title} description={panel.description} width={own}
        height={panel.gridPos.h * ROW - GAP} padding={panel.type === 'table' ? 'none' : 'md'}>
        {(inner, height) => <Inside panel={panel} data={data} timeRange={timeRange} width={inner} height={height} />}
    </PanelChrome>;
}

/** `begin` and `end` are Unix seconds, `width` pixels, `panels` a list of `{ panel, frames }`. */
window.draw = async ({ begin, end, width, panels }) => {
    const from = grafana.dateTime(begin * 1000), to = grafana.dateTime(end * 1000);
    const ready = await Promise.all(panels.map(async ({ panel, frames }) => {
        const whole = withDefaults(panel);
        const data = await prepared({ panel: whole, frames });
        grafana.cacheFieldDisplayNames(data);
        return { panel: whole, data };
    }));
    createRoot(document.body.appendChild(document.createElement('div'))).render(
        <grafana.ThemeContext.Provider value={theme}>
            <GlobalStyles hackNoBackdropBlur={false} isExtensionSidebarOpen={false} />
            <div style={{ display: 'flex', flexWrap: 'wrap', gap: GAP, padding: GAP }}>
                {ready.map((one) => <Panel key={one.panel.id} {...one} width={width}
                    timeRange={{ from, to, raw: { from, to } }} />)}
            </div>
        </grafana.ThemeContext.Provider>,
    );
};
