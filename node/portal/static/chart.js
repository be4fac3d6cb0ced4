// Draws the series whose numbers stand in the table below the chart (the table is the accessible form; the chart only repeats it).
/* global uPlot */
const holder = document.getElementById("chart");
if (holder && window.uPlot) {
  const { x, series, label, unit } = JSON.parse(document.getElementById("chart-data").textContent);
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(name).trim();
  const colours = ["--accent", "--link", "--warn", "--bad", "--ok"].map(token);
  const axis = { stroke: token("--ink"), grid: { stroke: token("--line") }, ticks: { stroke: token("--line") } };
  const options = {
    width: holder.clientWidth, height: 320, scales: { x: { time: true } },
    series: [{ label }, ...series.map((one, index) => ({ label: one.name, stroke: colours[index % colours.length], width: 1.5, dash: index >= colours.length ? [6, 3] : undefined }))],
    axes: [axis, { ...axis, label: unit }],
  };
  const plot = new uPlot(options, [x, ...series.map((one) => one.values)], holder);
  addEventListener("resize", () => plot.setSize({ width: holder.clientWidth, height: 320 }));
}
