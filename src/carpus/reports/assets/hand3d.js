// A hand in space on a 2D canvas: points, bones and joints sorted back to front, turned by pointer or arrow keys.
"use strict";
function Hand3D(canvas, skeleton) {
  const HOME = { yaw: -0.55, pitch: 0.22, zoom: 1 };
  const view = { ...HOME };
  const show = { pred: true, target: true, cloud: true, errors: false };
  let sample = null, cloud = null, reach = 110, queued = false;

  const unpack = (packed) => {
    const raw = atob(packed.data), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    const steps = new DataView(bytes.buffer), out = new Float32Array(bytes.length / 2);
    for (let i = 0; i < out.length; i++) out[i] = steps.getInt16(2 * i, true) * packed.step;
    return out;
  };

  function set(next) {
    sample = next;
    cloud = next.cloud ? unpack(next.cloud) : null;
    const sets = [next.pred, next.target].filter(Boolean);
    const far = sets.flat().filter((p) => p.every((v) => v !== null)).map((p) => Math.hypot(...p.map((v, a) => v - next.center[a])));
    reach = Math.min(Math.max(...far, 40), 4 * median(far) + 40) * 1.12;
    draw();
  }
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1] || 50;

  function draw() {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => { queued = false; if (sample) paint(); });
  }

  function paint() {
    const ratio = Math.min(devicePixelRatio || 1, 2), w = canvas.clientWidth, h = canvas.clientHeight;
    if (canvas.width !== Math.round(w * ratio)) canvas.width = Math.round(w * ratio);
    if (canvas.height !== Math.round(h * ratio)) canvas.height = Math.round(h * ratio);
    const g = canvas.getContext("2d"), css = getComputedStyle(document.documentElement);
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, w, h);
    const scale = (Math.min(w, h) / 2 / reach) * view.zoom, eye = 5 * reach;
    const cy = Math.cos(view.yaw), sy = Math.sin(view.yaw), cp = Math.cos(view.pitch), sp = Math.sin(view.pitch);
    // Camera frame: x right, y down, z forward, so screen axes need no flip.
    const turn = (x, y, z) => {
      const x1 = cy * x + sy * z, z1 = -sy * x + cy * z, y1 = cp * y - sp * z1, z2 = sp * y + cp * z1;
      const f = (scale * eye) / (eye + z2);
      return [w / 2 + x1 * f, h / 2 + y1 * f, z2, f];
    };
    const place = (p) => (p && p.every((v) => v !== null) ? turn(p[0] - sample.center[0], p[1] - sample.center[1], p[2] - sample.center[2]) : null);
    const items = [], points = [];
    if (cloud && show.cloud) addCloud(points, turn, css.getPropertyValue("--cloud").trim(), scale);
    if (show.target && sample.target) addBones(items, sample.target.map(place), sample.valid, css.getPropertyValue("--truth"), 2.2);
    if (show.pred) addBones(items, sample.pred.map(place), null, null, 6.5);
    if (show.errors && sample.target) {
      const a = sample.pred.map(place), b = sample.target.map(place);
      a.forEach((p, j) => p && b[j] && sample.valid[j] && items.push([Math.min(p[2], b[j][2]) - 1, (q) => stroke(q, p, b[j], css.getPropertyValue("--bad"), 1.8, [3, 3])]));
    }
    // Joints lie inside the hand, behind its measured surface: points are painted first, or they would hide them.
    items.sort((a, b) => b[0] - a[0]);
    points.sort((a, b) => b[0] - a[0]);
    [...points, ...items].forEach(([, paintOne]) => paintOne(g));
  }

  function addCloud(points, turn, rgb, scale) {
    const size = Math.max(1.6, Math.min(4, 1.5 * scale));
    let near = Infinity, far = -Infinity;
    const placed = [];
    for (let i = 0; i < cloud.length; i += 3) {
      const p = turn(cloud[i], cloud[i + 1], cloud[i + 2]);
      p.push(cloud[i + 2]);
      near = Math.min(near, p[4]); far = Math.max(far, p[4]);
      placed.push(p);
    }
    for (const p of placed) {
      const tone = `rgb(${rgb} / ${(0.85 - 0.55 * ((p[4] - near) / (far - near || 1))).toFixed(2)})`;
      points.push([p[2], (g) => { g.fillStyle = tone; g.fillRect(p[0] - size / 2, p[1] - size / 2, size, size); }]);
    }
  }

  function stroke(g, a, b, colour, width, dash) {
    g.strokeStyle = colour; g.lineWidth = width; g.lineCap = "round"; g.setLineDash(dash || []);
    g.beginPath(); g.moveTo(a[0], a[1]); g.lineTo(b[0], b[1]); g.stroke(); g.setLineDash([]);
  }

  function addBones(items, joints, valid, mono, width) {
    const ok = (j) => joints[j] && (!valid || valid[j]);
    skeleton.parents.forEach((parent, child) => {
      if (parent < 0 || !ok(parent) || !ok(child)) return;
      const a = joints[parent], b = joints[child];
      items.push([(a[2] + b[2]) / 2, (g) => {
        if (!mono) stroke(g, a, b, "rgb(30 27 24 / .85)", width + 2);
        stroke(g, a, b, mono || skeleton.colours[child], width);
      }]);
    });
    joints.forEach((p, j) => {
      if (!ok(j)) return;
      items.push([p[2] - 0.12 * reach, (g) => {
        g.beginPath(); g.arc(p[0], p[1], mono ? 2.6 : width * 0.86, 0, 7);
        g.fillStyle = mono || skeleton.colours[j]; g.fill();
        if (!mono) { g.strokeStyle = "rgb(30 27 24 / .85)"; g.lineWidth = 1.2; g.stroke(); }
      }]);
    });
  }

  const turnBy = (dx, dy) => {
    view.yaw += dx; view.pitch = Math.max(-1.57, Math.min(1.57, view.pitch + dy)); draw();
  };
  const zoomBy = (factor) => { view.zoom = Math.max(0.4, Math.min(6, view.zoom * factor)); draw(); };
  const home = () => { Object.assign(view, HOME); draw(); };
  let held = null;
  canvas.addEventListener("pointerdown", (e) => { held = [e.clientX, e.clientY]; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointermove", (e) => {
    if (!held) return;
    turnBy((held[0] - e.clientX) * 0.009, (e.clientY - held[1]) * -0.009);
    held = [e.clientX, e.clientY];
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { held = null; });
  // Scrolling the page must stay possible, so the wheel zooms only once the view has been clicked.
  canvas.addEventListener("wheel", (e) => {
    if (document.activeElement === canvas) { e.preventDefault(); zoomBy(Math.exp(-e.deltaY * 0.0012)); }
  }, { passive: false });
  canvas.addEventListener("dblclick", home);
  canvas.addEventListener("keydown", (e) => {
    const act = { ArrowLeft: () => turnBy(0.12, 0), ArrowRight: () => turnBy(-0.12, 0), ArrowUp: () => turnBy(0, 0.12),
      ArrowDown: () => turnBy(0, -0.12), "+": () => zoomBy(1.15), "-": () => zoomBy(1 / 1.15), 0: home }[e.key];
    if (act) { e.preventDefault(); act(); }
  });
  new ResizeObserver(draw).observe(canvas);
  return { set, draw, home, turnBy, zoomBy, show, view, get sample() { return sample; } };
}
