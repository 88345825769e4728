// Ties the page's data to its charts, viewer and buttons.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;
  const wants = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => root.dataset.theme === "dark";
  const bone = (j) => (dark() ? data.skeleton.colours[j] : data.skeleton.inks[j]);
  const pretty = (name) => name.replaceAll("_", " ");
  let viewer = null;

  function theme(name) {
    root.dataset.theme = name;
    if ($("theme")) $("theme").textContent = name === "dark" ? "Light" : "Dark";
    Charts.redraw();
    if (viewer) viewer.draw();
  }
  wants.addEventListener("change", () => theme(wants.matches ? "dark" : "light"));
  if ($("theme")) $("theme").onclick = () => theme(dark() ? "light" : "dark");
  theme(wants.matches ? "dark" : "light");

  if ($("copy")) $("copy").onclick = async () => {
    const range = document.createRange();
    range.selectNodeContents($("command"));
    getSelection().removeAllRanges(); getSelection().addRange(range);
    try { await navigator.clipboard.writeText($("command").textContent); $("copy").textContent = "Copied"; }
    catch { $("copy").textContent = "Selected"; }  // pages opened as files may not write the clipboard
    setTimeout(() => { $("copy").textContent = "Copy"; }, 1500);
  };

  function legend(id, entries) {
    if ($(id)) $(id).innerHTML = entries.map(([name, colour]) => `<span><i style="background:${colour}"></i>${Charts.escape(name)}</span>`).join("");
  }

  const scores = data.scores;
  if (scores) {
    const limit = scores.thresholds.at(-1);
    const curves = [["max_frame", "frames, worst joint", "var(--s1)"], ["mean_frame", "frames, mean of joints", "var(--s2)"], ["joint", "single joints", "var(--s3)"]];
    legend("curve-legend", curves.map(([, name, colour]) => [name, colour]));
    Charts.lines($("curve"), { label: "Share of frames and joints within an error threshold", x: [0, limit], y: [0, 100], height: 400,
      xLabel: "error threshold (mm)", yUnit: "%", xUnit: "mm", unit: " %",
      series: () => curves.map(([key, name, colour]) => ({ name, colour, x: scores.thresholds, y: scores.curves[key] })) });
    Charts.bars($("joints"), { label: "Mean error per joint in millimetres", row: Math.max(16, Math.min(23, 400 / (data.skeleton.joints.length + 1))),
      rows: () => [...data.skeleton.order.map((j) => ({ name: pretty(data.skeleton.joints[j]), value: scores.per_joint[j], colour: data.skeleton.colours[j] })),
        { name: "Mean", value: scores.mean, colour: "var(--ink)", strong: true }] });
    const top = Math.max(...scores.histogram.share);
    Charts.histogram($("histogram"), { label: "Distribution of joint errors", x: [0, limit], y: [0, top * 1.12], height: 280, xLabel: "error (mm)", yUnit: "%",
      edges: scores.histogram.edges, share: scores.histogram.share, marks: scores.marks });
    Charts.lines($("accuracy"), { label: "Accuracy of each joint over the threshold", x: [0, limit], y: [0, 100], height: 280, xLabel: "error threshold (mm)",
      yUnit: "%", xUnit: "mm", unit: " %", nearest: true,
      series: () => scores.joint_curves.map((y, j) => ({ name: pretty(data.skeleton.joints[j]), colour: bone(j), width: 1.4, x: scores.thresholds, y })) });
  }
  (data.viewpoint || []).forEach((curve) => {
    const known = curve.y.filter((v) => v !== null);
    Charts.lines($(`view-${curve.name}`), { label: `Mean error over ${curve.name}`, x: [curve.x[0], curve.x.at(-1)], y: [0, Math.max(...known, 1) * 1.12], height: 250,
      xLabel: `${curve.name} (degrees)`, xUnit: "°", unit: " mm", series: () => [{ name: "mean error", colour: "var(--s1)", x: curve.x, y: curve.y }] });
  });
  (data.history || []).forEach((panel, k) => {
    const all = panel.series.flatMap((s) => s.y), xs = panel.series.flatMap((s) => s.x);
    const low = Math.min(0, ...all), high = Math.max(...all, low + 1e-9);
    Charts.lines($(`history-${k}`), { label: `${panel.title} during training`, x: [Math.min(...xs), Math.max(...xs, Math.min(...xs) + 1)], y: [low, high * 1.06], height: 190,
      xLabel: "step", xUnit: "steps", series: () => panel.series.map((s) => ({ ...s, colour: s.name === "val" ? "var(--s2)" : "var(--s1)", width: 1.8 })) });
  });

  if (!data.samples.length) return;
  const canvas = $("hand");
  viewer = Hand3D(canvas, data.skeleton);
  const groups = [...new Set(data.samples.map((s) => s.group))];
  const slider = $("scrub");
  let current = 0, barsOfSample = null;
  function select(number) {
    current = Math.max(0, Math.min(data.samples.length - 1, number));
    const s = data.samples[current], members = data.samples.filter((o) => o.group === s.group);
    slider.value = current;
    slider.setAttribute("aria-valuetext", `${s.group} ${members.indexOf(s) + 1}: ${s.key}`);
    const facts = [`${s.group} ${members.indexOf(s) + 1} of ${members.length}`];
    if (s.mean !== undefined && s.mean !== null) {
      const worst = s.errors.indexOf(Math.max(...s.errors.filter((e) => e !== null)));
      facts.push(`mean <b>${s.mean.toFixed(1)} mm</b>`, `worst joint <b>${s.max.toFixed(1)} mm</b> (${Charts.escape(pretty(data.skeleton.joints[worst]))})`);
    }
    $("now").innerHTML = `<code>${Charts.escape(s.key)}</code>` + facts.map((f) => `<span>${f}</span>`).join("");
    if ($("pair")) { $("pair").hidden = !s.pair; if (s.pair) { $("pair").src = s.pair; $("pair").alt = `Skeletons over the image of ${s.key}`; } }
    document.querySelectorAll("[data-group]").forEach((b) => b.setAttribute("aria-pressed", b.dataset.group === s.group));
    viewer.set(s);
    if (barsOfSample) barsOfSample();
  }
  slider.max = data.samples.length - 1;
  slider.oninput = () => select(+slider.value);
  $("previous").onclick = () => select((current + data.samples.length - 1) % data.samples.length);
  $("next").onclick = () => select((current + 1) % data.samples.length);
  document.querySelectorAll("[data-group]").forEach((b) => { b.onclick = () => select(data.samples.findIndex((s) => s.group === b.dataset.group)); });
  document.querySelectorAll("[data-show]").forEach((b) => {
    b.onclick = () => { viewer.show[b.dataset.show] = !viewer.show[b.dataset.show]; b.setAttribute("aria-pressed", viewer.show[b.dataset.show]); viewer.draw(); };
  });
  $("home").onclick = viewer.home;
  document.querySelectorAll("[data-sample]").forEach((b) => {
    b.onclick = () => { select(+b.dataset.sample); $("samples").scrollIntoView({ block: "start" }); };
  });
  if (scores && $("sample-joints")) {
    const largest = () => (data.samples[current].errors || []).map((e, j) => [e, j]).filter(([e]) => e !== null).sort((a, b) => b[0] - a[0]).slice(0, 6);
    barsOfSample = Charts.bars($("sample-joints"), { label: "Joints of this frame with the largest errors", row: 18,
      rows: () => largest().map(([value, j]) => ({ name: pretty(data.skeleton.joints[j]), value, colour: data.skeleton.colours[j] })) });
  }
  select(0);
  root.dataset.ready = `${groups.length} groups, ${data.samples.length} samples`;
})();
