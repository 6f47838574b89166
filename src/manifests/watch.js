// watch.js
//		The player of a video's page: HLS by hls.js, or by the browser itself;
//		pictures of the storyboard over the bar that seeks; tracks; where the
//		viewer stopped; keys.
document.addEventListener('DOMContentLoaded', () => {
	'use strict';
	const facts = JSON.parse(document.getElementById('facts').textContent);
	const at = (id) => document.getElementById(id);
	const video = at('video');
	const seek = at('seek');
	const preview = at('preview');
	const remembered = 'vvault ' + facts.video_id;
	let hls = null;
	let tiles = [];

	function problem(text) {
		at('problem').textContent = text;
	}

	// ---- media ----

	function fill(select, names, chosen, choose) {
		select.replaceChildren(...names.map((name, i) => new Option(name[0], name[1], false, name[1] === chosen)));
		select.parentElement.hidden = names.length < 2;
		select.onchange = () => choose(Number(select.value));
	}

	// A page that is stored before the video is whole plays what there is, until
	// there is all of it.
	function playlist() {
		return !facts.early ? Promise.resolve(facts.hls) : fetch(facts.hls, { method: 'HEAD' })
			.then((reply) => (reply.ok ? facts.hls : facts.early), () => facts.early);
	}

	function playByLibrary(url) {
		const settings = { capLevelToPlayerSize: true };

		if (facts.protection === 'clear_key') {
			settings.emeEnabled = true;
			settings.drmSystems = { 'org.w3.clearkey': { licenseUrl: 'license.json' } };
		}
		hls = new window.Hls(settings);
		hls.on(window.Hls.Events.AUDIO_TRACKS_UPDATED, () => fill(at('audio'),
			hls.audioTracks.map((t, i) => [t.name, i]), hls.audioTrack, (i) => { hls.audioTrack = i; }));
		hls.on(window.Hls.Events.SUBTITLE_TRACKS_UPDATED, () => fill(at('texts'),
			[['–', -1]].concat(hls.subtitleTracks.map((t, i) => [t.name, i])), hls.subtitleTrack, (i) => { hls.subtitleTrack = i; }));
		hls.on(window.Hls.Events.MANIFEST_PARSED, () => fill(at('quality'),
			[['auto', -1]].concat(hls.levels.map((l, i) => [l.height ? Math.min(l.width, l.height) + 'p' : 'sound', i])), -1,
			(i) => { hls.nextLevel = i; }));
		hls.on(window.Hls.Events.ERROR, (event, data) => {
			if (!data.fatal) {
				return;
			}
			if (data.type === window.Hls.ErrorTypes.MEDIA_ERROR) {
				hls.recoverMediaError();
			} else {
				problem('This video cannot be loaded now.');
			}
		});
		hls.loadSource(url);
		hls.attachMedia(video);
	}

	playlist().then((url) => {
		if (facts.protection === 'standard' || facts.protection === 'premium') {
			problem('This video needs a player that has its licence server.');
		} else if (window.Hls && window.Hls.isSupported()) {
			playByLibrary(url);
		} else if (video.canPlayType('application/vnd.apple.mpegurl')) {
			video.src = url;
		} else {
			problem('This browser cannot play the video.');
		}
	});

	// ---- where the viewer stopped ----

	video.addEventListener('loadedmetadata', () => {
		let stopped = 0;

		try {
			stopped = Number(localStorage.getItem(remembered));
		} catch (e) { /* no storage: from the beginning */ }
		if (stopped > 5 && stopped < video.duration - 5) {
			video.currentTime = stopped;
		}
		seek.max = video.duration;
	});
	video.addEventListener('timeupdate', () => {
		seek.value = video.currentTime;
		try {
			localStorage.setItem(remembered, String(Math.floor(video.currentTime)));
		} catch (e) { /* no storage */ }
	});
	seek.addEventListener('input', () => { video.currentTime = Number(seek.value); });

	// ---- storyboard ----

	function seconds(text) {
		return text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
	}

	function readStoryboard(text) {
		const cues = /([0-9:.]+) --> ([0-9:.]+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/g;

		tiles = Array.from(text.matchAll(cues), (c) => ({ from: seconds(c[1]), to: seconds(c[2]), url: c[3], box: c.slice(4).map(Number) }));
	}

	if (facts.storyboard) {
		fetch(facts.storyboard).then((reply) => (reply.ok ? reply.text() : '')).then(readStoryboard).catch(() => {});
	}
	seek.addEventListener('pointermove', (event) => {
		const box = seek.getBoundingClientRect();
		const part = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
		const time = part * (video.duration || facts.duration || 0);
		const tile = tiles.find((t) => time >= t.from && time < t.to);

		if (!tile) {
			preview.style.display = 'none';
			return;
		}
		preview.style.display = 'block';
		preview.style.width = tile.box[2] + 'px';
		preview.style.height = tile.box[3] + 'px';
		preview.style.left = Math.min(Math.max(part * box.width - tile.box[2] / 2, 0), box.width - tile.box[2]) + 'px';
		preview.style.background = 'url("' + tile.url + '") -' + tile.box[0] + 'px -' + tile.box[1] + 'px';
	});
	seek.addEventListener('pointerleave', () => { preview.style.display = 'none'; });

	// ---- keys ----

	const keys = {
		' ': () => (video.paused ? video.play() : video.pause()),
		k: () => (video.paused ? video.play() : video.pause()),
		ArrowLeft: () => { video.currentTime -= 5; },
		ArrowRight: () => { video.currentTime += 5; },
		j: () => { video.currentTime -= 10; },
		l: () => { video.currentTime += 10; },
		ArrowUp: () => { video.volume = Math.min(video.volume + 0.1, 1); },
		ArrowDown: () => { video.volume = Math.max(video.volume - 0.1, 0); },
		m: () => { video.muted = !video.muted; },
		f: () => (document.fullscreenElement ? document.exitFullscreen() : at('player').requestFullscreen()),
		c: () => { if (hls && hls.subtitleTracks.length) { hls.subtitleTrack = hls.subtitleTrack < 0 ? 0 : -1; at('texts').value = hls.subtitleTrack; } },
	};
	document.addEventListener('keydown', (event) => {
		if (event.ctrlKey || event.altKey || event.metaKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
			return;
		}
		if (/^[0-9]$/.test(event.key) && video.duration) {
			video.currentTime = video.duration * Number(event.key) / 10;
		} else if (keys[event.key]) {
			Promise.resolve(keys[event.key]()).catch(() => {});
		} else {
			return;
		}
		event.preventDefault();
	});
});
