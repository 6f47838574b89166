/* The theme and both charts, from the numbers that came with the page. */
(function () {
	'use strict';

	const KEY = 'vvault-theme';
	const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
	const POINTS = ['circle', 'rect', 'triangle', 'rectRot', 'star', 'crossRot', 'rectRounded', 'cross'];
	const COLORS = 8;

	const root = document.documentElement;
	const system = window.matchMedia('(prefers-color-scheme: dark)');
	const shown = {};
	let charts = [];
	let data;
	let regions;
	let days;

	function byCode(a, b) {
		return a.region < b.region ? -1 : a.region > b.region ? 1 : 0;
	}

	/* ----- theme: the system's until the reader chooses ----- */

	/* There may be no storage, as in a page opened from a file. */
	function remembered() {
		try {
			return window.localStorage.getItem(KEY);
		} catch (e) {
			return null;
		}
	}

	function remember(theme) {
		try {
			window.localStorage.setItem(KEY, theme);
		} catch (e) {
			/* then it lasts as long as the page */
		}
	}

	function isDark() {
		return root.dataset.theme ? root.dataset.theme === 'dark' : system.matches;
	}

	function themeChanged() {
		document.getElementById('theme').setAttribute('aria-pressed', String(isDark()));
		drawAll();
	}

	/* Before anything is painted. */
	function applyTheme() {
		const theme = remembered();

		if (theme === 'dark' || theme === 'light') {
			root.dataset.theme = theme;
		}
	}

	function startToggle() {
		const button = document.getElementById('theme');

		button.hidden = false;
		button.setAttribute('aria-pressed', String(isDark()));
		button.addEventListener('click', function () {
			root.dataset.theme = isDark() ? 'light' : 'dark';
			remember(root.dataset.theme);
			themeChanged();
		});
		system.addEventListener('change', themeChanged);
	}

	function color(name) {
		return window.getComputedStyle(root).getPropertyValue('--' + name).trim();
	}

	function seriesColor(i) {
		return color('series-' + (i % COLORS + 1));
	}

	/* A color of the form #rrggbb with a part of its strength. */
	function faint(hex) {
		return hex + '2e';
	}

	/* ----- charts ----- */

	function nameOf(code) {
		return data.names[code] || code;
	}

	function dayLabel(day) {
		const parts = day.split('-');

		return Number(parts[2]) + ' ' + MONTHS[Number(parts[1]) - 1];
	}

	/* Two scales that share one centre: counts have no upper end, scores do. */
	function radarScale(settings) {
		return Object.assign({
			axis: 'r',
			beginAtZero: true,
			grid: { color: color('grid') },
			angleLines: { color: color('grid') },
			ticks: { display: false },
			pointLabels: { font: { size: 13, weight: '600' }, color: color('text') }
		}, settings);
	}

	function radar() {
		return {
			type: 'radar',
			data: {
				labels: regions.map(function (r) { return r.region; }),
				datasets: [{
					label: 'Viral videos',
					data: regions.map(function (r) { return r.viral_count; }),
					rAxisID: 'r',
					borderColor: seriesColor(0),
					backgroundColor: faint(seriesColor(0)),
					pointBackgroundColor: seriesColor(0),
					pointStyle: 'circle'
				}, {
					label: 'Average score',
					data: regions.map(function (r) { return r.avg_score; }),
					rAxisID: 'score',
					borderColor: seriesColor(3),
					backgroundColor: faint(seriesColor(3)),
					pointBackgroundColor: seriesColor(3),
					pointStyle: 'rectRot',
					borderDash: [6, 3]
				}]
			},
			options: {
				scales: {
					r: radarScale({
						suggestedMax: 4,
						ticks: {
							precision: 0,
							maxTicksLimit: 5,
							color: color('quiet'),
							backdropColor: color('card'),
							font: { size: 11 }
						}
					}),
					score: radarScale({
						max: 100,
						grid: { display: false },
						angleLines: { display: false },
						pointLabels: { font: { size: 13, weight: '600' }, color: 'transparent' }
					})
				},
				plugins: {
					tooltip: {
						callbacks: {
							title: function (items) { return nameOf(items[0].label); }
						}
					}
				}
			}
		};
	}

	/* A day without a chart is null, which leaves a gap in the line. */
	function countsOf(region) {
		const byDay = {};

		data.analytics.timeline.forEach(function (t) {
			if (t.region === region) {
				byDay[t.date] = t.viral_count;
			}
		});
		return days.map(function (day) {
			return day in byDay ? byDay[day] : null;
		});
	}

	function timeline() {
		return {
			type: 'line',
			data: {
				labels: days.map(dayLabel),
				datasets: regions.map(function (r, i) {
					return {
						label: nameOf(r.region),
						data: countsOf(r.region),
						borderColor: seriesColor(i),
						backgroundColor: seriesColor(i),
						pointStyle: POINTS[i % POINTS.length],
						pointRadius: 3.5,
						pointHoverRadius: 5,
						borderWidth: 2,
						cubicInterpolationMode: 'monotone'
					};
				})
			},
			options: {
				interaction: { mode: 'index', intersect: false },
				scales: {
					x: {
						grid: { display: false },
						border: { color: color('grid') },
						ticks: { color: color('quiet'), maxRotation: 0, autoSkipPadding: 12 }
					},
					y: {
						beginAtZero: true,
						suggestedMax: 4,
						grid: { color: color('grid') },
						border: { display: false },
						ticks: { color: color('quiet'), precision: 0 }
					}
				},
				plugins: { tooltip: { usePointStyle: true } }
			}
		};
	}

	/* Buttons in place of the legend that is painted: keys reach them. */
	function drawLegend(id, chart) {
		const list = document.getElementById(id + '-legend');

		list.hidden = false;
		chart.data.datasets.forEach(function (set, i) {
			let button = list.children[i];

			if (!button) {
				button = list.appendChild(document.createElement('button'));
				button.type = 'button';
				button.appendChild(document.createElement('span')).className = 'swatch';
				button.appendChild(document.createTextNode(set.label));
				button.addEventListener('click', function () {
					shown[id][i] = !shown[id][i];
					drawAll();
				});
			}
			button.setAttribute('aria-pressed', String(shown[id][i]));
			button.firstChild.style.setProperty('--swatch', set.borderColor);
		});
	}

	function draw(id, config) {
		const canvas = document.getElementById(id);

		shown[id] = shown[id] || config.data.datasets.map(function () { return true; });
		config.data.datasets.forEach(function (set, i) {
			set.hidden = !shown[id][i];
		});
		Object.assign(config.options, { animation: false, maintainAspectRatio: false });
		config.options.plugins.legend = { display: false };
		charts.push(new window.Chart(canvas, config));
		drawLegend(id, charts[charts.length - 1]);
	}

	function drawAll() {
		if (!window.Chart || regions.length === 0) {
			return;
		}
		charts.forEach(function (chart) { chart.destroy(); });
		charts = [];
		window.Chart.defaults.font.family = window.getComputedStyle(document.body).fontFamily;
		draw('radar', radar());
		draw('timeline', timeline());
	}

	/* Without the library the tables say what the charts would have shown. */
	function sayItIsMissing() {
		document.getElementById('no-charts').hidden = false;
		document.getElementById('timeline-table').open = true;
		document.querySelectorAll('.canvas').forEach(function (box) {
			box.hidden = true;
		});
	}

	function readData() {
		data = JSON.parse(document.getElementById('vvault-data').textContent);
		regions = data.analytics.regions.slice().sort(byCode);
		days = Array.from(new Set(data.analytics.timeline.map(function (t) { return t.date; })));
	}

	/* A picture that does not come leaves its place to the background. */
	function hidePicture(event) {
		if (event.target instanceof HTMLImageElement) {
			event.target.hidden = true;
		}
	}

	applyTheme();
	document.addEventListener('error', hidePicture, true);
	document.addEventListener('DOMContentLoaded', function () {
		readData();
		startToggle();
		if (window.Chart) {
			drawAll();
		} else {
			sayItIsMissing();
		}
	});
}());
