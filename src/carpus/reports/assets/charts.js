// Small SVG charts: lines, horizontal bars, histogram. Each redraws at the width it is given.
"use strict";
const Charts = (() => {
  const nice = (span, count) => {
    const raw = span / Math.max(1, count), power = 10 ** Math.floor(Math.log10(raw || 1));
    return [1, 2, 2.5, 5, 10].find((m) => m * power >= raw * 0.999) * power;
  };
  const ticks = (low, high, count) => {
    const step = nice(high - low, count), list = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-6; k++) list.push(+(k * step).toPrecision(10));
    return list;
  };
  const short = (v) => (Math.abs(v) >= 1e4 ? `${+(v / 1e3).toPrecision(3)}k` : String(+v.toPrecision(4)));
  const escape = (t) => String(t).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

  // Draw now, and again whenever the width or the theme changes.
  const redraws = [];
  function live(el, draw) {
    let last = 0;
    const go = () => { if (el.clientWidth) { last = el.clientWidth; draw(last); } };
    redraws.push(go);
    new ResizeObserver(() => { if (Math.abs(el.clientWidth - last) > 1) go(); }).observe(el);
    go();
    return go;
  }

  function frame(el, width, o) {
    const m = { l: 46, r: 14, t: 10, b: 40 }, h = o.height || 300;
    const [x0, x1] = o.x, [y0, y1] = o.y;
    const sx = (v) => m.l + ((v - x0) / (x1 - x0 || 1)) * (width - m.l - m.r);
    const sy = (v) => h - m.b - ((v - y0) / (y1 - y0 || 1)) * (h - m.t - m.b);
    const gy = ticks(y0, y1, Math.max(3, h / 55)).map((v) => `<line class="grid" x1="${m.l}" x2="${width - m.r}" y1="${sy(v)}" y2="${sy(v)}"/>
      <text x="${m.l - 8}" y="${sy(v) + 4}" text-anchor="end">${short(v)}${o.yUnit || ""}</text>`);
    const gx = ticks(x0, x1, Math.max(3, width / 90)).map((v) => `<text x="${sx(v)}" y="${h - m.b + 18}" text-anchor="middle">${short(v)}</text>`);
    const label = `<text x="${(m.l + width - m.r) / 2}" y="${h - 3}" text-anchor="middle">${escape(o.xLabel || "")}</text>`;
    const axis = `<line class="axis" x1="${m.l}" x2="${width - m.r}" y1="${sy(y0)}" y2="${sy(y0)}"/>`;
    return { m, h, sx, sy, head: `<svg viewBox="0 0 ${width} ${h}" height="${h}" role="img" aria-label="${escape(o.label)}">`, back: gy.join("") + gx.join("") + label + axis };
  }

  function tooltip(el, width, html, left) {
    let tip = el.querySelector(".tip");
    if (!tip) { tip = document.createElement("div"); tip.className = "tip"; el.append(tip); }
    if (html === null) { tip.style.opacity = 0; return; }
    tip.innerHTML = html; tip.style.opacity = 1;
    tip.style.left = `${Math.max(0, Math.min(width - tip.offsetWidth, left + 14 > width - tip.offsetWidth ? left - tip.offsetWidth - 14 : left + 14))}px`;
    tip.style.top = "14px";
  }

  // o: {series: () => [{name, colour, x, y, width, dash}], x: [lo, hi], y: [lo, hi], height, xLabel, yUnit, unit, nearest}
  function lines(el, o) {
    live(el, (width) => {
      const f = frame(el, width, o), series = o.series();
      const path = (s) => {
        let d = "", pen = false;
        s.x.forEach((x, i) => {
          if (s.y[i] === null) { pen = false; return; }
          d += `${pen ? "L" : "M"}${f.sx(x).toFixed(1)} ${f.sy(Math.min(o.y[1], s.y[i])).toFixed(1)}`; pen = true;
        });
        return `<path d="${d}" fill="none" stroke="${s.colour}" stroke-width="${s.width || 2.2}" stroke-linejoin="round" ${s.dash ? 'stroke-dasharray="5 3"' : ""}/>`;
      };
      el.innerHTML = `${f.head}${f.back}${series.map(path).join("")}<g class="cross"></g></svg>`;
      const cross = el.querySelector(".cross");
      const at = (s, x) => s.x.reduce((b, v, i) => (s.y[i] !== null && Math.abs(v - x) < Math.abs(s.x[b] - x) ? i : b), s.y.findIndex((v) => v !== null));
      const move = (event) => {
        const box = el.getBoundingClientRect(), px = event.clientX - box.left;
        const x = o.x[0] + ((px - f.m.l) / (width - f.m.l - f.m.r)) * (o.x[1] - o.x[0]);
        if (x < o.x[0] || x > o.x[1]) { leave(); return; }
        let shown = series.map((s) => [s, at(s, x)]).filter(([, i]) => i >= 0);
        if (!shown.length) return;
        if (o.nearest) {
          const py = event.clientY - box.top;
          shown = shown.sort((a, b) => Math.abs(f.sy(a[0].y[a[1]]) - py) - Math.abs(f.sy(b[0].y[b[1]]) - py)).slice(0, 1);
        }
        const where = shown[0][0].x[shown[0][1]];
        cross.innerHTML = `<line class="axis" x1="${f.sx(where)}" x2="${f.sx(where)}" y1="${f.m.t}" y2="${f.h - f.m.b}"/>` + shown.map(([s, i]) =>
          `<circle cx="${f.sx(s.x[i])}" cy="${f.sy(Math.min(o.y[1], s.y[i]))}" r="4" fill="${s.colour}" stroke="var(--card)" stroke-width="1.5"/>`).join("");
        tooltip(el, width, `${short(where)} ${o.xUnit || ""}<br>` + shown.map(([s, i]) => `${escape(s.name)}: <b>${short(s.y[i])}${o.unit || ""}</b>`).join("<br>"), f.sx(where));
      };
      const leave = () => { cross.innerHTML = ""; tooltip(el, width, null); };
      el.onpointermove = move; el.onpointerdown = move; el.onpointerleave = leave;
    });
  }

  // o: {rows: () => [{name, value, colour, strong}], unit, label, top}
  function bars(el, o) {
    return live(el, (width) => {
      const rows = o.rows(), row = o.row || 19, left = Math.min(104, width * 0.3), right = 42;
      const top = o.top || Math.max(...rows.map((r) => r.value || 0)) || 1, h = rows.length * row + 4;
      el.innerHTML = `<svg viewBox="0 0 ${width} ${h}" height="${h}" role="img" aria-label="${escape(o.label)}">` + rows.map((r, i) => {
        const y = i * row + 2, w = (Math.min(top, r.value || 0) / top) * (width - left - right);
        return `<text class="${r.strong ? "strong" : ""}" x="${left - 8}" y="${y + row / 2 + 3}" text-anchor="end">${escape(r.name)}</text>
          <rect x="${left}" y="${y + 1.5}" width="${Math.max(0, w)}" height="${row - 4}" rx="2.5" fill="${r.colour}"/>
          <text class="strong" x="${left + Math.max(0, w) + 6}" y="${y + row / 2 + 3}">${r.value === null ? "–" : r.value.toFixed(1)}</text>`;
      }).join("") + "</svg>";
    });
  }

  function histogram(el, o) {
    live(el, (width) => {
      const f = frame(el, width, o), n = o.share.length;
      const bar = (i) => `<rect x="${f.sx(o.edges[i]) + 0.6}" width="${Math.max(0.5, f.sx(o.edges[i + 1]) - f.sx(o.edges[i]) - 1.2)}" y="${f.sy(o.share[i])}" height="${f.sy(0) - f.sy(o.share[i])}" rx="1.5" fill="var(--s1)"/>`;
      const line = (v) => `<line x1="${f.sx(v)}" x2="${f.sx(v)}" y1="${f.m.t}" y2="${f.sy(0)}" stroke="var(--s2)" stroke-width="1.5"/>`;
      const text = (v, name, row) => `<text class="mark" x="${f.sx(v) + 6}" y="${f.m.t + 12 + 16 * row}">${name} ${v.toFixed(1)}</text>`;
      const marks = o.marks.filter(([, v]) => v < o.x[1]);
      el.innerHTML = f.head + f.back + o.share.map((_, i) => bar(i)).join("") + marks.map(([, v]) => line(v)).join("") + marks.map(([name, v], i) => text(v, name, i)).join("") + "</svg>";
      el.onpointermove = (event) => {
        const px = event.clientX - el.getBoundingClientRect().left, i = Math.floor(((px - f.m.l) / (width - f.m.l - f.m.r)) * n);
        if (i < 0 || i >= n) { tooltip(el, width, null); return; }
        const range = i === n - 1 ? `${short(o.edges[i])} mm and more` : `${short(o.edges[i])}–${short(o.edges[i + 1])} mm`;
        tooltip(el, width, `${range}<br><b>${short(o.share[i])} %</b> of joints`, f.sx(o.edges[i + 1]));
      };
      el.onpointerleave = () => tooltip(el, width, null);
    });
  }

  return { lines, bars, histogram, escape, redraw: () => redraws.forEach((go) => go()) };
})();
