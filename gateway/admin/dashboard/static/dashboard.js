/* The dashboard's one script: charts, figures that stay fresh, buttons. Whatever comes from
   the server is put into the page as text, or as the server's own, escaped, HTML. */
(function () {
  "use strict";

  var EVERY = 5000;
  var root = document.documentElement;
  root.classList.add("script");

  function all(selector, within) {
    return Array.prototype.slice.call((within || document).querySelectorAll(selector));
  }

  function colour(name) {
    return getComputedStyle(root).getPropertyValue("--" + name).trim();
  }

  /* Charts. ------------------------------------------------------------------------- */

  var place = document.getElementById("charts");
  var drawn = [];
  var latest = null;

  function seconds(value) {
    if (value === null || value === undefined) { return "–"; }
    return value >= 1 ? value.toPrecision(3) + " s" : Number((value * 1000).toPrecision(3)) + " ms";
  }
  function perSecond(value) {
    return value === null || value === undefined ? "–" : String(Number(value.toFixed(value < 10 ? 2 : 0)));
  }
  function percent(value) {
    return value === null || value === undefined ? "–" : Number((value * 100).toFixed(2)) + " %";
  }
  function whole(value) {
    return value === null || value === undefined ? "–" : String(Math.round(value));
  }

  /* One array for each series, with a place for every step. */
  function columns(series, picks) {
    var steps = {};
    series.steps.forEach(function (step) { steps[step.at] = step; });
    var begun = series.steps.length ? series.steps[0].at : series.until;
    /* A gateway that is younger than the time asked about: its life, in some width. */
    var first = Math.max(Math.floor(series.since / series.step) * series.step, Math.min(begun, series.until - 12 * series.step));
    first = Math.min(begun, Math.floor(first / series.step) * series.step);
    var times = [];
    for (var at = first; at < series.until; at += series.step) { times.push(at); }
    return [times].concat(picks.map(function (pick) {
      return times.map(function (at) {
        if (steps[at]) { return pick.of(steps[at]); }
        return pick.rest && at >= begun && at + series.step <= series.until ? 0 : null;
      });
    }));
  }

  function line(label, name, of, more) {
    return Object.assign({ label: label, colour: name, of: of }, more || {});
  }

  var CHARTS = {
    rate: function () {
      return {
        format: perSecond,
        lines: [
          line("live", "live", function (step) { return step.live; }, { rest: true, width: 3 }),
          line("shadow", "shadow", function (step) { return step.shadow; }, { rest: true })
        ],
        nothing: "No request came in this time."
      };
    },
    match: function () {
      return {
        format: percent,
        range: function (self, low, high) {
          return low === null ? [0, 1] : [Math.max(0, low - Math.max(0.002, (1 - low) * 0.15)), 1];
        },
        lines: [
          line("low", "good", function (step) { return step.match && step.match[0]; }, { thin: true }),
          line("high", "good", function (step) { return step.match && step.match[2]; }, { thin: true }),
          line("match", "good", function (step) { return step.match && step.match[1]; })
        ],
        bands: [[2, 1]],
        both: function (raw, at) { return " (" + percent(raw[1][at]) + " to " + percent(raw[2][at]) + ")"; },
        nothing: "Nothing was compared in this time."
      };
    },
    latency: function () {
      function of(side, name) {
        return function (step) { return step[side].number ? step[side][name] : null; };
      }
      return {
        format: seconds,
        lines: [
          line("live p50", "live", of("live_latency", "p50")),
          line("live p99", "live", of("live_latency", "p99"), { dash: [5, 4] }),
          line("shadow p50", "shadow", of("shadow_latency", "p50")),
          line("shadow p99", "shadow", of("shadow_latency", "p99"), { dash: [5, 4] })
        ],
        nothing: "No exchange in this time has answers of both sides."
      };
    },
    drops: function (series) {
      var reasons = [];
      series.steps.forEach(function (step) {
        Object.keys(step.drops).forEach(function (reason) {
          if (reasons.indexOf(reason) < 0) { reasons.push(reason); }
        });
      });
      var names = ["bad", "shadow", "early", "live", "grey", "good"];
      return {
        format: whole,
        bars: true,
        lines: reasons.sort().map(function (reason, index) {
          return line(reason.replace(/_/g, " "), names[index % names.length], function (step) {
            return step.drops[reason] || 0;
          }, { rest: true });
        }),
        nothing: "No copy was dropped in this time."
      };
    }
  };

  /* Bars on top of each other: each is drawn from the bottom, the tallest first. */
  function stacked(data) {
    var sums = data[0].map(function () { return 0; });
    return [data[0]].concat(data.slice(1).map(function (values) {
      return values.map(function (value, index) { return (sums[index] += value || 0) || null; });
    }));
  }

  /* UTC; the day where it is another than the one before. */
  function times(self, ticks) {
    var day = "";
    return ticks.map(function (at, index) {
      var text = new Date(at * 1000).toUTCString(); /* Sun, 01 Mar 2026 09:00:00 GMT */
      var date = text.slice(5, 11);
      var other = date !== day && (index > 0 || text.slice(17, 22) === "00:00");
      day = date;
      return text.slice(17, 22) === "00:00" && other ? date : text.slice(17, 22) + (other ? "\n" + date : "");
    });
  }

  function options(chart, raw, width, series) {
    var axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: "12px " + colour("sans") };
    var lines = chart.lines.map(function (each, index) {
      var stroke = colour(each.colour);
      return {
        label: each.label,
        stroke: each.thin ? "transparent" : stroke,
        width: each.thin ? 0 : each.width || 2,
        dash: each.dash,
        fill: chart.bars ? stroke : undefined,
        paths: chart.bars ? uPlot.paths.bars({ size: [0.8, 40] }) : undefined,
        points: { show: !chart.bars && !each.thin && series.steps.length < 3, fill: stroke },
        class: each.thin ? "u-thin" : "u-line",
        value: function (self, value, line, at) {
          var values = raw[index + 1];
          if (at === null) { /* nobody points at anything: the latest */
            at = values.length - 1;
            while (at > 0 && values[at] === null) { at -= 1; }
          }
          return chart.format(values[at]) + (values[at] !== null && chart.both ? chart.both(raw, at) : "");
        }
      };
    });
    if (chart.bars) { lines.reverse(); }
    return {
      width: width,
      height: 190,
      tzDate: function (at) { return uPlot.tzDate(new Date(at * 1000), "UTC"); },
      cursor: { sync: { key: "gateway" }, drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
      legend: {
        live: true,
        markers: { width: 2, dash: function (self, index) { return self.series[index].dash ? "dashed" : "solid"; } }
      },
      scales: { y: { range: chart.range || function (self, low, high) { return [0, high > 0 ? high * 1.08 : 1]; } } },
      series: [{ label: "time" }].concat(lines),
      bands: (chart.bands || []).map(function (pair) { return { series: pair, fill: colour(chart.lines[0].colour + "-tint") }; }),
      axes: [Object.assign({}, axis, { gap: 9, values: times }), Object.assign({}, axis, { size: 58, values: function (self, ticks) { return ticks.map(chart.format); } })],
      hooks: { setSelect: [zoom] }
    };
  }

  /* A part of the time was chosen: look at that. The URL says so, as it does everywhere. */
  function zoom(plot) {
    if (plot.select.width < 8) { return; }
    function text(x) { return new Date(plot.posToVal(x, "x") * 1000).toISOString().slice(0, 16); }
    var url = new URL(location.href);
    url.searchParams.set("since", text(plot.select.left));
    url.searchParams.set("until", text(plot.select.left + plot.select.width));
    url.searchParams.delete("from");
    location.assign(url);
  }

  function summaryOf(chart, data) {
    return chart.lines.filter(function (each) { return !each.thin; }).map(function (each) {
      var values = data[chart.lines.indexOf(each) + 1].filter(function (value) { return value !== null; });
      if (!values.length) { return each.label + ": nothing"; }
      return each.label + ": from " + chart.format(Math.min.apply(null, values)) + " to " +
        chart.format(Math.max.apply(null, values)) + ", last " + chart.format(values[values.length - 1]);
    }).join("; ");
  }

  function draw(series) {
    latest = series;
    drawn.forEach(function (plot) { plot.destroy(); });
    drawn = [];
    all("[data-chart]", place).forEach(function (figure) {
      var chart = CHARTS[figure.dataset.chart](series);
      var plot = figure.querySelector(".plot");
      var data = columns(series, chart.lines);
      var some = data.slice(1).some(function (values) { return values.some(function (value) { return value; }); });
      figure.querySelector(".empty").textContent = chart.nothing;
      plot.hidden = !some;
      if (!some) { return; }
      var shown = chart.bars ? stacked(data) : data;
      if (chart.bars) { shown = [shown[0]].concat(shown.slice(1).reverse()); }
      var raw = chart.bars ? data : shown;
      var made = new uPlot(options(chart, raw, plot.clientWidth, series), shown, plot);
      made.root.setAttribute("role", "img");
      made.root.setAttribute("aria-label", figure.querySelector("h2").textContent + ". " + summaryOf(chart, data));
      drawn.push(made);
    });
  }

  function chart() {
    if (!place) { return Promise.resolve(); }
    return fetch(place.dataset.series, { headers: { Accept: "application/json" } }).then(function (answer) {
      if (!answer.ok) { throw new Error(String(answer.status)); }
      return answer.json();
    }).then(function (series) {
      if (!place.matches(":hover")) { draw(series); } /* not under somebody's hand */
    });
  }

  /* Figures that stay fresh. ---------------------------------------------------------- */

  var pulse = document.getElementById("pulse");
  var pause = document.getElementById("pause");
  var paused = sessionStorage.getItem("paused") === "yes";
  var lost = false;

  function say() {
    var state = paused ? "paused" : lost ? "lost" : "live";
    if (pulse.dataset.state !== state) {
      pulse.dataset.state = state;
      pulse.textContent = { paused: "paused", lost: "No connection: these figures are old", live: "live" }[state];
    }
    pause.textContent = paused ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(paused));
  }

  function inUse(part) {
    var selection = getSelection();
    return part.contains(document.activeElement) ||
      (selection && !selection.isCollapsed && part.contains(selection.anchorNode));
  }

  function replace(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html");
    all("[data-live]").forEach(function (part) {
      var other = fresh.getElementById(part.id);
      if (!other) { location.reload(); return; } /* another kind of page: the first figures came */
      if (other.innerHTML !== part.innerHTML && !inUse(part)) {
        part.replaceChildren.apply(part, Array.prototype.slice.call(document.importNode(other, true).childNodes));
      }
    });
    document.title = fresh.title;
  }

  function refresh() {
    return fetch(location.href, { headers: { Accept: "text/html" } }).then(function (answer) {
      if (!answer.ok) { throw new Error(String(answer.status)); }
      return answer.text();
    }).then(replace).then(chart).then(function () { lost = false; }, function () { lost = true; }).then(say);
  }

  function turn() {
    if (!paused && !document.hidden) { return refresh().then(later); }
    later();
  }
  function later() { setTimeout(turn, EVERY); }

  pause.addEventListener("click", function () {
    paused = !paused;
    sessionStorage.setItem("paused", paused ? "yes" : "no");
    say();
    if (!paused) { refresh(); }
  });
  document.addEventListener("visibilitychange", function () {
    if (!document.hidden && !paused) { refresh(); }
  });

  /* Buttons. ---------------------------------------------------------------------------- */

  function told(element, text, state) {
    var near = element.closest("form, .actions");
    var said = near && near.querySelector(".said");
    if (said) { said.textContent = text; said.dataset.state = state || ""; }
  }

  function post(url, body) {
    return fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })
      .then(function (answer) {
        return answer.json().then(function (document) {
          if (!answer.ok) { throw new Error(document.detail || document.title); }
          return document;
        });
      });
  }

  function busy(element, work) {
    element.disabled = true;
    return work.catch(function (error) { told(element, error.message, "bad"); })
      .then(function () { element.disabled = false; });
  }

  function shown(value) { return value === null || value === undefined ? "nothing" : JSON.stringify(value); }

  /* What the shadow said this time at the place that is looked at, and what live said then. */
  function again(element, answer) {
    var place = element.dataset.place;
    var here = answer.comparison.differences.filter(function (each) {
      return JSON.stringify([each.part, each.kind, each.pattern]) === JSON.stringify(JSON.parse(place));
    })[0];
    var took = answer.answer.status + " in " + seconds(answer.answer.seconds);
    if (!here) { return "It still differs here: the shadow said " + took + "."; }
    return "It still differs here: live said " + shown(here.live) + ", the shadow now says " + shown(here.shadow) + " (" + took + ").";
  }

  var AFTER = {
    reload: function () { location.reload(); },
    replayed: function (element, answer) {
      var text = answer.failure ? "The shadow gave no usable answer: " + answer.failure + "."
        : answer.still ? again(element, answer)
        : answer.comparison.differences.length ? "This difference is gone; " + answer.comparison.differences.length + " other."
        : answer.comparison.verdict === "match" ? "It matches now: " + answer.answer.status + " in " + seconds(answer.answer.seconds) + "."
        : "It was not compared: " + answer.comparison.reason + ".";
      if (answer.left_out.length) { text += " Sent without " + answer.left_out.join(", ") + " (redacted)."; }
      told(element, text, answer.comparison.verdict === "match" ? "good" : "bad");
    }
  };

  function copy(text) {
    if (navigator.clipboard && window.isSecureContext) { return navigator.clipboard.writeText(text); }
    /* Without TLS there is no clipboard but this. */
    var area = document.createElement("textarea");
    area.value = text;
    document.body.appendChild(area);
    area.select();
    var done = document.execCommand("copy");
    area.remove();
    return done ? Promise.resolve() : Promise.reject(new Error("The browser did not let us copy; select the text."));
  }

  document.addEventListener("click", function (event) {
    var element = event.target.closest("button");
    if (!element) { return; }
    if (element.dataset.opens || element.dataset.closes) {
      var panel = document.getElementById(element.dataset.opens || element.dataset.closes);
      var opener = document.querySelector('[data-opens="' + panel.id + '"]');
      panel.hidden = element.dataset.closes ? true : !panel.hidden;
      opener.setAttribute("aria-expanded", String(!panel.hidden));
      if (panel.hidden) { opener.focus(); } else { panel.querySelector("textarea, input:not([type=hidden])").focus(); }
    } else if (element.dataset.copies) {
      copy(document.getElementById(element.dataset.copies).textContent).then(function () {
        told(element, "Copied.", "good");
      }, function (error) { told(element, error.message, "bad"); });
    } else if (element.dataset.post) {
      told(element, "…");
      busy(element, post(element.dataset.post, JSON.parse(element.dataset.body)).then(function (answer) {
        AFTER[element.dataset.then](element, answer);
      }));
    }
  });

  document.addEventListener("keydown", function (event) {
    var panel = event.key === "Escape" && event.target.closest && event.target.closest(".panel");
    if (panel) { panel.querySelector("[data-closes]").click(); }
  });

  all("[data-remember]").forEach(function (input) {
    input.value = localStorage.getItem(input.dataset.remember) || "";
  });

  all("form[data-post]").forEach(function (form) {
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      var body = {};
      all("[name]", form).forEach(function (input) {
        if (input.type === "checkbox") { body[input.name] = input.checked; }
        else if (input.type === "number") { if (input.value !== "") { body[input.name] = Number(input.value); } }
        else { body[input.name] = input.value; }
        if (input.dataset.remember) { localStorage.setItem(input.dataset.remember, input.value); }
      });
      var button = form.querySelector("[type=submit]");
      busy(button, post(form.dataset.post, body).then(function (answer) {
        if (answer.written) { location.reload(); return; }
        var made = form.querySelector(".made");
        made.hidden = false;
        made.textContent = answer.text;
        told(button, "Not written: " + answer.why_not + ". Put this into the register yourself:", "bad");
      }));
    });
  });

  /* Begin. -------------------------------------------------------------------------------- */

  say();
  chart().catch(function () { lost = true; say(); });
  later();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () {
    if (latest) { draw(latest); }
  });
  var resizing = 0;
  addEventListener("resize", function () {
    clearTimeout(resizing);
    resizing = setTimeout(function () { if (latest) { draw(latest); } }, 150);
  });
})();
