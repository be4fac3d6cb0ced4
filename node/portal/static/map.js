// The dataset's map: its features from the OGC API of this site, its extent, land outline and graticule. No outside host.
/* global ol, topojson */
const PAGE = 2000; // features of one request
const MOST = 20000; // features of one view: beyond that a person zooms in
const element = document.getElementById("map");
if (element && window.ol) {
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(name).trim();
  const stroke = (color, width) => new ol.style.Stroke({ color, width });
  const fill = (color, alpha) => new ol.style.Fill({ color: color + alpha });

  const land = new ol.layer.Vector({ source: new ol.source.Vector(), style: new ol.style.Style({ fill: fill(token("--control"), "22"), stroke: stroke(token("--control"), 0.8) }) });
  fetch(element.dataset.land).then((answer) => answer.json()).then((world) => {
    land.getSource().addFeatures(new ol.format.GeoJSON({ featureProjection: "EPSG:3857" }).readFeatures(topojson.feature(world, world.objects.land)));
  });

  const box = element.dataset.bbox.split(",").map(Number);
  const rectangle = new ol.Feature(ol.geom.Polygon.fromExtent(ol.proj.transformExtent(box, "EPSG:4326", "EPSG:3857")));
  const extent = new ol.layer.Vector({
    source: new ol.source.Vector({ features: [rectangle] }),
    style: new ol.style.Style({ stroke: new ol.style.Stroke({ color: token("--warn"), width: 2, lineDash: [6, 4] }) }),
  });

  const layers = [land, extent];
  const accent = token("--accent");
  if (element.dataset.items) {
    const source = new ol.source.Vector({ format: new ol.format.GeoJSON(), strategy: ol.loadingstrategy.bbox });
    source.setLoader(async (area, resolution, projection, success, failure) => {
      const wanted = ol.proj.transformExtent(area, projection, "EPSG:4326").map((value) => value.toFixed(6)).join(",");
      const seen = [];
      let url = `${element.dataset.items}?f=json&limit=${PAGE}&bbox=${wanted}`;
      try {
        while (url && seen.length < MOST) {
          const answer = await fetch(url, { headers: { Accept: "application/geo+json" } });
          if (!answer.ok) throw new Error(String(answer.status));
          const page = await answer.json();
          const features = source.getFormat().readFeatures(page, { featureProjection: projection });
          source.addFeatures(features);
          seen.push(...features);
          const next = (page.links ?? []).find((link) => link.rel === "next");
          url = next && new URL(next.href, location.href).pathname + new URL(next.href, location.href).search;
        }
        element.dataset.loaded = String(source.getFeatures().length);
        document.getElementById("map-cut").hidden = !url;
        success(seen);
      } catch {
        source.removeLoadedExtent(area);
        failure();
      }
    });
    layers.push(new ol.layer.Vector({
      source,
      style: new ol.style.Style({
        fill: fill(accent, "33"), stroke: stroke(accent, 1),
        image: new ol.style.Circle({ radius: 5, fill: fill(accent, "cc"), stroke: stroke(token("--bg"), 1) }),
      }),
    }));
  }

  const map = new ol.Map({
    target: element, layers,
    view: new ol.View({ center: [0, 0], zoom: 2, maxZoom: 20 }),
    controls: ol.control.defaults.defaults({ zoomOptions: { zoomInTipLabel: element.dataset.zoomIn, zoomOutTipLabel: element.dataset.zoomOut } }).extend([new ol.control.ScaleLine()]),
  });
  map.addLayer(new ol.layer.Graticule({ strokeStyle: new ol.style.Stroke({ color: token("--control") + "55", width: 0.5 }), showLabels: false, wrapX: false }));
  map.getView().fit(rectangle.getGeometry(), { padding: [24, 24, 24, 24], maxZoom: 16 });

  const info = document.getElementById("map-info");
  map.on("click", (event) => {
    const feature = map.forEachFeatureAtPixel(event.pixel, (found) => found, { layerFilter: (layer) => layer !== land && layer !== extent });
    if (!feature) { info.textContent = ""; return; }
    const { geometry, ...values } = feature.getProperties();
    info.textContent = Object.entries(values).filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${value}`).join(" · ");
  });
}
