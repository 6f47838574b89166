"""Every score of docs/scores.md, as a function of one day's arrays (see charts.py). Higher ranks first."""
import re

import numpy as np

LOGIT_85 = np.log(85 / 15)

# The constants of the momentum score, by the names they have in src/score/momentum.c
NAMES = ('newcomer_level', 'newcomer_rank_weight', 'newcomer_views_weight', 'newcomer_likes_weight',
         'newcomer_music', 'growth_floor', 'grown_music', 'topical', 'sinking_weight', 'sinking_start')

# YouTube's categories that the score knows
MUSIC, SPORTS, NEWS = 10, 17, 25


def shipped(path):
    """The constants as the C source has them."""
    with open(path, encoding='utf-8') as file:
        found = dict(re.findall(r'^static const double (\w+) = ([-\d.]+);', file.read(), re.M))
    return {name: float(value) for name, value in found.items()}


def _gain(d):
    """Views gained since the last observation; all views of a newcomer."""
    return np.maximum(d['views'] - np.nan_to_num(d['views_before']), 0)


def relative_growth(d, unknown):
    """Relative growth in 24 hours."""
    before = np.maximum(np.nan_to_num(d['views_before'], nan=1), 1)
    growth = _gain(d) / before * 24 / np.nan_to_num(d['hours'], nan=24)
    return np.where(d['newcomer'], unknown, growth)


def _velocity(d):
    """Views per hour; 0 for a newcomer."""
    return np.where(d['newcomer'], 0, _gain(d) / np.nan_to_num(d['hours'], nan=24))


def _engagement(d):
    return (d['likes'] + 2 * d['comments']) / np.maximum(d['views'], 1) * 100


def _lg(x):
    return np.log10(np.maximum(x, 1))


def _published(d):
    """Seconds since any fixed moment: only differences matter."""
    return -d['age'] * 3600


def virality(d, velocity_baseline=50000, engagement_baseline=5):
    """Without shares and sentiment, whose weights go to the other two."""
    return (0.35 * np.minimum(100, 100 * _velocity(d) / velocity_baseline)
            + 0.25 * np.minimum(100, 100 * _engagement(d) / engagement_baseline)) / 0.60


def trending(d):
    return (0.40 * np.minimum(100, _velocity(d) / 100) + 0.35 * np.minimum(100, _engagement(d) * 20)
            + 0.25 * 100 * 0.5 ** (d['age'] / 12))


def hot(d):
    return _lg(d['likes']) + _published(d) / 45000


def peertube_hot(d):
    return (150 * _lg(d['likes'] - 1) - 150 * _lg(d['dislikes'] - 1) + 16 * np.log10(d['views'] + 1)
            + 100 * _lg(d['comments']) + _published(d) / 47000)


def reddit(d):
    votes = d['likes'] - d['dislikes']
    return np.sign(votes) * _lg(np.abs(votes)) + _published(d) / 45000


def hacker_news(d):
    return (d['likes'] - 1) / (d['age'] + 2) ** 1.8


def lemmy(d):
    return np.log10(np.maximum(2, d['likes'] - d['dislikes'] + 2)) / (d['age'] + 2) ** 1.8


def mastodon(d):
    """Views gained against those of the time before; nothing for who gained less."""
    expected = np.maximum(np.nan_to_num(d['views_before'] - np.nan_to_num(d['views_2_before'])), 1)
    return np.where(_gain(d) > expected, (_gain(d) - expected) ** 2 / expected, 0)


def formula_a(d):
    """The formula that was there before, and is to be beaten."""
    newcomer = 0.9 - 1.5 * d['place'] - 0.25 * (_lg(d['views']) - 5.5)
    growth = np.log10(np.minimum(relative_growth(d, 0), 10) + 0.01)
    return np.where(d['newcomer'], newcomer, growth) - 12 * np.maximum(0, d['place'] - 0.75)


def old_momentum(d):
    """The formula of 0.2.0."""
    views = d['views'] + 1000
    newcomer = (1.0 - 1.3 * np.sqrt(d['place']) - 0.3 * (np.log10(views) - 5.5)
                + 0.1 * (np.log10((d['likes'] + 10) / views) + 1.5))
    seen = np.log10(np.minimum(daily_growth(d), 10) + 0.06)
    return np.where(d['newcomer'], newcomer, seen) - 24 * np.maximum(0, d['place'] - 0.65) ** 2


def daily_growth(d):
    """Relative growth in 24 hours with 1000 views added, which keeps small counts still; 0 for a newcomer."""
    return _gain(d) / (np.nan_to_num(d['views_before']) + 1000) * 24 / np.nan_to_num(d['hours'], nan=24)


def sinking(d, c):
    """How far a video has sunk beyond where sinking starts: a straight line with a soft bend."""
    return np.logaddexp(0, (d['place'] - c['sinking_start']) / 0.05)


def momentum_raw(d, c, extra=None):
    """The raw value of src/score/momentum.c with the constants c; `extra` adds a trial term to it."""
    views = d['views'] + 1000
    music = d['category'] == MUSIC
    newcomer = (c['newcomer_level'] - c['newcomer_rank_weight'] * np.sqrt(d['place'])
                - c['newcomer_views_weight'] * (np.log10(views) - 5.5)
                + c['newcomer_likes_weight'] * (np.log10((d['likes'] + 10) / views) + 1.5)
                + c['newcomer_music'] * music)
    seen = np.log10(np.minimum(daily_growth(d), 10) + c['growth_floor']) + c['grown_music'] * music
    raw = (np.where(d['newcomer'], newcomer, seen)
           - c['topical'] * np.isin(d['category'], (SPORTS, NEWS)) - c['sinking_weight'] * sinking(d, c))
    return raw if extra is None else raw + extra(d, c)


def momentum_score(raw, baseline, slope=1.2):
    return 100 / (1 + np.exp(-LOGIT_85 - slope * (raw - baseline)))


def sorts(constants):
    """Name and score of every line of the tables: the feed's sorts, the rivals, and what stands beside them."""
    return (
        ('views', lambda d: d['views']),
        ('engagement', lambda d: d['likes'] / np.maximum(d['views'], 1)),
        ('newest', lambda d: -d['age']),
        ('trending', trending),
        ('virality', virality),
        ('hot', hot),
        ('**momentum**', lambda d: momentum_raw(d, constants)),
        ('momentum, rank unknown',
         lambda d: momentum_raw(dict(d, place=np.full(len(d['place']), 0.5)), constants)),
        ('momentum of 0.2.0', old_momentum),
        ('formula A', formula_a),
        ('PeerTube trending, 7 days', lambda d: d['views'] - d['views_week_before']),
        ('PeerTube trending, 1 day', _gain),
        ('PeerTube hot', peertube_hot),
        ('Reddit hot', reddit),
        ('Hacker News', hacker_news),
        ('Lemmy', lemmy),
        ('Mastodon', mastodon),
        ('relative growth', lambda d: relative_growth(d, 1e9)),
        ('chart rank', lambda d: -d['place']),
    )
