// The map of all years. The page's data are in the element "map-data"; Leaflet draws, this chooses what is drawn.
"use strict";
(function () {
  const data = JSON.parse(document.getElementById("map-data").textContent);
  const years = Object.keys(data.years);
  const find = (id) => document.getElementById(id);
  const slider = find("year");
  const status = find("map-status");
  const number = new Intl.NumberFormat("en");
  const bounds = [[0, 0], [data.height, data.width]];
  const kinds = { manual: "Manual landslide", predicted: "Predicted landslide", states: "Landslide" };

  const map = L.map("map", {
    crs: L.CRS.Simple, zoomSnap: 0.25, zoomDelta: 0.5, minZoom: -8, maxZoom: 2, attributionControl: false,
    scrollWheelZoom: false, maxBounds: L.latLngBounds(bounds).pad(0.3), maxBoundsViscosity: 0.8,
    zoomAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
  });
  map.fitBounds(bounds);
  map.setMinZoom(map.getZoom() - 0.5);
  // The wheel scrolls the page until the reader turns to the map.
  map.on("focus click", () => map.scrollWheelZoom.enable());
  map.on("blur", () => map.scrollWheelZoom.disable());
  map.getContainer().addEventListener("mouseleave", () => map.scrollWheelZoom.disable());
  L.control.scale({ imperial: false, maxWidth: 140 }).addTo(map);
  const north = L.control({ position: "topright" });
  north.onAdd = function () {
    const sign = L.DomUtil.create("div", "north");
    sign.setAttribute("aria-label", "North is up");
    sign.setAttribute("role", "img");
    sign.innerHTML = '<svg width="14" height="20" viewBox="0 0 14 20" aria-hidden="true"><path d="M7 0L13 13L7 10L1 13Z"/></svg>N';
    return sign;
  };
  north.addTo(map);

  [["background", 200], ["classes", 300], ["outlines", 400]].forEach(([name, order]) => {
    map.createPane(name).style.zIndex = order;
  });

  const made = new Map(); // layers by "year/name"; each is made when it is first shown
  function layerOf(year, name) {
    const key = year + "/" + name;
    if (!made.has(key)) made.set(key, makeLayer(year, name));
    return made.get(key);
  }

  function makeLayer(year, name) {
    const source = data.years[year];
    if (source.images[name]) {
      const background = name === "true" || name === "false";
      return L.imageOverlay(source.images[name], bounds, {
        pane: background ? "background" : "classes", className: background ? "" : "classes",
        alt: "", interactive: false,
      });
    }
    if (!source.shapes[name]) return null;
    const group = L.featureGroup();
    source.shapes[name].forEach((shape) => outlinesOf(name, shape).forEach((outline) => group.addLayer(outline)));
    return group;
  }

  function outlinesOf(name, shape) {
    const places = shape.parts.map((rings) => rings.map((flat) => {
      const ring = [];
      for (let i = 0; i < flat.length; i += 2) ring.push([flat[i + 1], flat[i]]);
      return ring;
    }));
    const look = lookOf(name, shape);
    const casing = L.polygon(places, {
      pane: "outlines", interactive: false, fill: false, color: "#000", opacity: 0.75, weight: look.weight + 1.8,
    });
    const outline = L.polygon(places, { pane: "outlines", bubblingMouseEvents: true, ...look });
    outline.bindTooltip(() => described(name, shape), { sticky: true, direction: "auto" });
    outline.on("tooltipopen mousemove", () => keepInside(outline.getTooltip().getElement()));
    outline.on("click", () => { status.textContent = plain(name, shape); });
    outline.on("add", () => { outline.getElement().dataset.landslide = name + "-" + shape.id; });
    shape.outline = outline;
    return [casing, outline];
  }

  // Leaflet lets a tooltip at the edge of the map be cut off.
  function keepInside(box) {
    if (!box) return;
    box.style.translate = "";
    const own = box.getBoundingClientRect();
    const frame = map.getContainer().getBoundingClientRect();
    const shift = (low, high, from, to) => Math.max(from + 4 - low, Math.min(0, to - 4 - high)) + "px";
    box.style.translate = shift(own.left, own.right, frame.left, frame.right) + " " + shift(own.top, own.bottom, frame.top, frame.bottom);
  }

  function lookOf(name, shape) {
    if (name === "manual") return { color: data.colours.manual, weight: 3.2, fillOpacity: 0.04 };
    if (name === "predicted") return { color: data.colours.predicted, weight: 1.6, fillOpacity: 0.04 };
    const colour = data.colours.states[shape.state] || "#999999";
    return { color: colour, weight: 1.6, fillOpacity: 0.55, dashArray: shape.state === "unobserved" ? "5 4" : null };
  }

  function facts(name, shape) {
    const lines = ["area " + number.format(Math.round(shape.area)) + " m²"];
    if (shape.state) lines.push("state: " + shape.state + ", first seen " + shape.first_seen);
    if (shape.tracked) lines.push("landslide " + shape.tracked + " of the inventory through time");
    if (shape.probability !== undefined) lines.push("mean probability " + shape.probability.toFixed(2));
    if (shape.hits) {
      const other = name === "manual" ? "predicted" : "manual";
      const none = name === "manual" ? "not predicted (missed)" : "not in the manual inventory (false alarm?)";
      lines.push(shape.hits.length ? "overlaps " + other + " " + shape.hits.join(", ") : none);
    }
    return lines;
  }
  const titled = (name, shape) => kinds[name] + " " + shape.id;
  const plain = (name, shape) => years[slider.value] + ": " + titled(name, shape) + ": " + facts(name, shape).join("; ") + ".";
  function described(name, shape) {
    const box = document.createElement("div");
    const title = document.createElement("b");
    title.textContent = titled(name, shape);
    box.append(title, ...facts(name, shape).flatMap((line, i) => (i ? [document.createElement("br"), line] : [line])));
    return box;
  }

  // From bottom to top; a checkbox for something that no year has is taken away.
  const order = ["probability", "errors", "states", "unobserved", "manual", "predicted"];
  const boxes = Array.from(document.getElementsByName("layer"));
  const backgrounds = Array.from(document.getElementsByName("background"));
  const exists = (name) => years.some((year) => data.years[year].images[name] || data.years[year].shapes[name]);
  boxes.concat(backgrounds).forEach((box) => {
    if (box.value !== "none" && !exists(box.value)) { box.checked = false; box.closest("label").hidden = true; }
  });
  if (!backgrounds.some((box) => box.checked && !box.closest("label").hidden)) {
    backgrounds.find((box) => box.value === "none").checked = true;
  }

  let shown = [];
  function draw() {
    const year = years[slider.value];
    const chosen = backgrounds.filter((box) => box.checked).map((box) => box.value)
      .concat(order.filter((name) => boxes.some((box) => box.value === name && box.checked)));
    const wanted = chosen.map((name) => layerOf(year, name)).filter(Boolean);
    wanted.filter((layer) => !map.hasLayer(layer)).forEach((layer) => layer.addTo(map));
    shown.filter((layer) => !wanted.includes(layer)).forEach((layer) => layer.remove());
    wanted.filter((layer) => layer.bringToFront).forEach((layer) => layer.bringToFront());
    shown = wanted;
    const text = year + ": " + ["manual", "predicted"].map((name) => {
      const shapes = data.years[year].shapes[name];
      return shapes ? shapes.length + " " + name + " landslides" : "no " + name + " inventory";
    }).join(", ") + ".";
    status.textContent = text;
    find("year-name").textContent = year;
    slider.setAttribute("aria-valuetext", text);
    find("year-before").disabled = Number(slider.value) === 0;
    find("year-after").disabled = Number(slider.value) === years.length - 1;
    find("map").setAttribute("aria-label", "Map of the landslides of " + year);
    if (find("landslide-details").open) list();
  }

  function list() {
    const year = years[slider.value];
    const rows = Object.entries(data.years[year].shapes).flatMap(([name, shapes]) => shapes.map((shape) => {
      const row = document.createElement("tr");
      const known = facts(name, shape).slice(1).filter((line) => !line.startsWith("mean"));
      [name === "states" ? "tracked" : name, shape.id, number.format(Math.round(shape.area)),
        shape.probability === undefined ? "–" : shape.probability.toFixed(2), known.join("; ")].forEach((text) => {
        row.insertCell().textContent = text;
      });
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "show";
      button.setAttribute("aria-label", "Show " + titled(name, shape) + " on the map");
      button.addEventListener("click", () => show(name, shape));
      row.insertCell().append(button);
      return row;
    }));
    find("landslide-list").tBodies[0].replaceChildren(...rows);
  }

  function show(name, shape) {
    const box = boxes.find((candidate) => candidate.value === name);
    if (!box.checked) { box.checked = true; draw(); }
    layerOf(years[slider.value], name);
    map.fitBounds(shape.outline.getBounds().pad(1.5), { maxZoom: 0 });
    shape.outline.openTooltip();
    status.textContent = plain(name, shape);
    find("map").scrollIntoView({ block: "center" });
  }

  const step = (change) => { slider.value = Number(slider.value) + change; draw(); };
  slider.addEventListener("input", draw);
  find("year-before").addEventListener("click", () => step(-1));
  find("year-after").addEventListener("click", () => step(1));
  boxes.concat(backgrounds).forEach((box) => box.addEventListener("change", draw));
  find("landslide-details").addEventListener("toggle", list);
  find("opacity").addEventListener("input", (event) => {
    ["classes", "outlines"].forEach((pane) => { map.getPane(pane).style.opacity = event.target.value / 100; });
    find("opacity-name").textContent = event.target.value + " %";
  });
  draw();
})();
