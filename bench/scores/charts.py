"""Daily charts and what is known of each video when its chart comes in.

A chart file has one row for each video and day, in the order of the chart. A day becomes a dictionary of numpy
arrays, one value for each video. What a score may use looks back only; `survives` and `growth` look ahead.
"""
import csv
import datetime
import os

import numpy as np

FILES = (
    ('2017 Sept-Oct', 'US_2017-09_2017-10.csv'),
    ('2017 Nov', 'US_2017-11.csv'),
    ('2020 Aug', 'US_2020-08.csv'),
)


def _day_month(text):
    """13.09 in the file of 2017, which names no year."""
    day, month = text.split('.')
    return datetime.date(2017, int(month), int(day))


def _short_year(text):
    """17.14.11: year, day, month."""
    year, day, month = text.split('.')
    return datetime.date(2000 + int(year), int(month), int(day))


def _iso_date(text):
    return datetime.date.fromisoformat(text[:10])


# The three layouts, told apart by one of their columns:
# (column, date column, its reader, views, comments, publish time, category)
LAYOUTS = (
    ('date', 'date', _day_month, 'views', 'comment_total', None, 'category_id'),
    ('publishedAt', 'trending_date', _iso_date, 'view_count', 'comment_count', 'publishedAt', 'categoryId'),
    ('publish_time', 'trending_date', _short_year, 'views', 'comment_count', 'publish_time', 'category_id'),
)


def read_charts(path):
    """[(date, {video_id: figures in chart order})]; of a video listed twice in a day the better rank stays."""
    csv.field_size_limit(1 << 30)
    charts = {}
    with open(path, encoding='utf-8', errors='replace', newline='') as file:
        reader = csv.DictReader(file)
        layout = next(l for l in LAYOUTS if l[0] in reader.fieldnames)
        _, date, parse, views, comments, published, category = layout
        for row in reader:
            chart = charts.setdefault(parse(row[date]), {})
            chart.setdefault(row['video_id'], {
                'views': float(row[views]), 'likes': float(row['likes']), 'dislikes': float(row['dislikes']),
                'comments': float(row[comments]), 'category': int(row[category]),
                'published': datetime.datetime.fromisoformat(row[published][:19]) if published else None})
    usual = np.median([len(chart) for chart in charts.values()])
    # a file may end in the middle of a day: half a chart would look like a mass exit
    return [(day, chart) for day, chart in sorted(charts.items()) if len(chart) >= usual / 2]


def _features(day, chart, seen):
    """One row of figures for each video of a chart; `seen` holds [(day, figures)] of the days before."""
    midnight = datetime.datetime.combine(day, datetime.time()) + datetime.timedelta(days=1)
    for index, (video, now) in enumerate(chart.items()):
        past = seen.get(video, ())
        last = past[-1] if past else None
        charted = day - (past[0][0] if past else day)
        published = now['published']
        week = [p for p in past if (day - p[0]).days >= 7]
        yield {
            'views': now['views'], 'likes': now['likes'],
            'dislikes': now['dislikes'], 'comments': now['comments'], 'category': now['category'],
            'views_before': last[1]['views'] if last else np.nan,
            'hours': (day - last[0]).days * 24.0 if last else np.nan,
            'views_2_before': past[-2][1]['views'] if len(past) > 1 else np.nan,
            'views_week_before': week[-1][1]['views'] if week else 0.0,
            'place_before': last[1]['place'] if last else np.nan,
            'place': (index + 0.5) / len(chart),
            'charted_hours': charted.total_seconds() / 3600,
            'age': max(0.0, (midnight - published if published else charted).total_seconds() / 3600),
        }


def load_days(path, step=1, start=0):
    """The days of one file, or every step-th of them as if they followed each other.

    A day whose next day is missing has no targets; the first has no past. `turnover` is what the days so far tell of
    how much of the chart is new each day.
    """
    charts = read_charts(path)
    if step > 1:
        charts = [(charts[0][0] + datetime.timedelta(days=number), chart)
                  for number, (_, chart) in enumerate(charts[start::step])]
    seen, days, turnover = {}, [], 0.25
    for number, (day, chart) in enumerate(charts):
        rows = list(_features(day, chart, seen))
        data = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        data['newcomer'] = np.isnan(data['views_before'])
        data['number'] = number
        data['day'] = day
        if number > 0:
            turnover = 0.7 * turnover + 0.3 * data['newcomer'].mean()
        data['turnover'] = turnover
        if number + 1 < len(charts) and (charts[number + 1][0] - day).days == 1:
            _targets(data, chart, charts[number + 1][1])
        days.append(data)
        for place, (video, now) in zip(data['place'], chart.items()):
            seen.setdefault(video, []).append((day, dict(now, place=place)))
    return days


def _targets(data, chart, tomorrow):
    """Still charted the next day; among those, the fifth that grows most in proportion to its views."""
    data['survives'] = np.array([video in tomorrow for video in chart])
    later = np.array([tomorrow[v]['views'] if v in tomorrow else np.nan for v in chart])
    growth = later / np.maximum(data['views'], 1) - 1
    survivors = np.sort(growth[data['survives']])[::-1]
    threshold = survivors[max(int(round(0.2 * len(survivors))), 1) - 1]
    data['grows'] = np.nan_to_num(growth, nan=-np.inf) >= threshold


def judged(days, first=1, last=10**6):
    """Days number first to last (the file's first day is 0, never judged: all of its videos look new)."""
    return [d for d in days if 'survives' in d and max(first, 1) <= d['number'] <= last]


def load_folder(folder):
    return {name: load_days(os.path.join(folder, file))
            for name, file in FILES if os.path.exists(os.path.join(folder, file))}
