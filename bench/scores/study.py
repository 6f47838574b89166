"""The study behind vvault_momentum_score: prints the tables of docs/scores.md.

    study.py DATA_FOLDER MOMENTUM_C

run.sh beside it is the command to use. Everything is deterministic: two runs print the same.
"""
import os
import sys

import numpy as np

import charts
import formulas
import measure

# What the fit may choose from: one or two digits for each constant.
GRID = {'newcomer_level': 0.1, 'newcomer_rank_weight': 0.1, 'newcomer_views_weight': 0.05,
        'newcomer_likes_weight': 0.05, 'newcomer_music': 0.1, 'growth_floor': 0.01, 'grown_music': 0.05,
        'topical': 0.05, 'sinking_weight': 0.1, 'sinking_start': 0.02}
# Where the search starts: without categories and likes.
START = {'newcomer_level': 0.9, 'newcomer_rank_weight': 1.5, 'newcomer_views_weight': 0.3,
         'newcomer_likes_weight': 0.0, 'newcomer_music': 0.0, 'growth_floor': 0.05, 'grown_music': 0.0,
         'topical': 0.0, 'sinking_weight': 0.8, 'sinking_start': 0.8}
BLOCK = 10


def blocks(days):
    """Some ten days each, with what formula A reaches on them."""
    count = max(1, round(len(days) / BLOCK))
    parts = [list(part) for part in np.array_split(np.array(days, dtype=object), count)]
    return [(part, measure.mean(formulas.formula_a, part)[:2]) for part in parts]


def objective(constants, parts, extra=None):
    """The least gain over formula A, of all blocks and both targets, plus the mean gain."""
    gains = np.array([measure.mean(momentum(constants, extra), part)[:2] - reached for part, reached in parts])
    return gains.min() + gains.mean()


def neighbours(constants, grid):
    for name, step in grid.items():
        for steps in (1, 2, 4):
            for sign in (1, -1):
                value = round(constants[name] + sign * steps * step, 4)
                if value > 0 or (value == 0 and name != 'growth_floor'):
                    yield dict(constants, **{name: value})


def fit(days, extra=None, grid=GRID, start=START):
    """Steepest ascent on the grid."""
    parts = blocks(days)
    best, constants = objective(start, parts, extra), dict(start)
    while True:
        value, candidate = max(((objective(c, parts, extra), c) for c in neighbours(constants, grid)),
                               key=lambda pair: pair[0])
        if value <= best + 1e-7:
            return constants
        best, constants = value, candidate


def number(x):
    """.853, as AUCs are written."""
    return '%.3f' % x if x >= 1 else ('%.3f' % x)[1:]


def change(x):
    return '%+.3f' % x


def table(title, head, rows):
    print('\n### %s\n' % title)
    print('| ' + ' | '.join(head) + ' |')
    print('|' + '---|' * len(head))
    for row in rows:
        print('| ' + ' | '.join(str(cell) for cell in row) + ' |')


def result(score, days):
    return ' / '.join(number(x) for x in measure.mean(score, days))


def against_old(score, days):
    """Survival and growth AUC less those of the formula of 0.2.0."""
    both = measure.mean(score, days) - measure.mean(formulas.old_momentum, days)
    return ' / '.join(change(x) for x in both[:2])


def momentum(constants, extra=None):
    return lambda d: formulas.momentum_raw(d, constants, extra)


def short(constants):
    return ', '.join('%g' % constants[name] for name in formulas.NAMES)


def print_rolling(days, later, shipped):
    """What fits find that know the past alone, and how they and the shipped constants fare on what came then."""
    rows, found = [], []
    for last in (9, 16, 23, 30):
        constants = fit(charts.judged(days, 1, last))
        found.append(constants)
        ahead = charts.judged(days, last + 1, last + 10)
        rows.append(('1 to %d' % last, short(constants), result(momentum(constants), ahead),
                     result(momentum(shipped), ahead), result(formulas.old_momentum, ahead))
                    + tuple(result(momentum(constants), d) for d in later.values()))
    table('Rolling origin: fitted on the days before, judged on the ten after and on the later files',
          ('fitted on days', 'constants', 'fitted, ten days after', 'shipped', '0.2.0') + tuple(later), rows)
    found.append(fit(charts.judged(days)))
    table('The constants: what the four fits and one on all days find, and what is shipped',
          ('constant', 'fits', 'all days', 'shipped'),
          [(name, ', '.join('%g' % c[name] for c in found[:-1]), '%g' % found[-1][name], '%g' % shipped[name])
           for name in formulas.NAMES])


def print_sorts(files, constants):
    rows = [(name,) + tuple(result(score, days) for days in files.values())
            for name, score in formulas.sorts(constants)]
    table('All sorts and rivals: survival AUC / growth AUC / growth precision@25',
          ('score',) + tuple(files), rows)
    rows = []
    for name, days in files.items():
        daily = measure.daily(momentum(constants), days)
        rows.append((name, len(days)) + tuple('%s to %s' % (number(column.min()), number(column.max()))
                                              for column in daily.T[:2]))
    table('Momentum, worst and best day', ('charts', 'days', 'survival', 'growth'), rows)
    rows = []
    for name, days in files.items():
        ahead = measure.daily(momentum(constants), days) - measure.daily(formulas.old_momentum, days)
        error = ahead.std(axis=0, ddof=1) / np.sqrt(len(days))
        rows.append((name,) + tuple('%s, %.3f' % (change(m), e) for m, e in zip(ahead.mean(axis=0), error)))
    table('Momentum less that of 0.2.0, day by day: mean, standard error',
          ('charts', 'survival', 'growth', 'precision@25'), rows)


def regression_features(d):
    """Everything at hand, with bends in the place and own terms for newcomers."""
    new, place, views = d['newcomer'].astype(float), d['place'], d['views'] + 1000
    likes = np.log10((d['likes'] + 10) / views) + 1.5
    growth = np.where(d['newcomer'], 0, np.log10(np.minimum(formulas.relative_growth(d, 0), 10) + 0.06))
    days = np.log1p(d['charted_hours'] / 24)
    return np.column_stack([np.ones(len(place)), place, new, growth, growth ** 2, np.log10(views) - 5.5,
                            new * place, new * (np.log10(views) - 5.5), likes, new * likes,
                            d['category'] == formulas.MUSIC, new * (d['category'] == formulas.MUSIC),
                            d['category'] == formulas.SPORTS, d['category'] == formulas.NEWS,
                            np.log10((d['comments'] + 10) / views) + 2.3, days, days ** 2, acceleration(d),
                            np.nan_to_num(place - d['place_before'])]
                           + [np.maximum(0, place - bend) for bend in (0.1, 0.25, 0.5, 0.7, 0.8, 0.9)])


def logistic(features, label, ridge=1.0):
    """Weights of a logistic regression, by Newton's method."""
    weights = np.zeros(features.shape[1])
    penalty = np.diag([1e-6] + [ridge] * (len(weights) - 1))
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(features @ weights, -30, 30)))
        bend = (features.T * (chance * (1 - chance) + 1e-9)) @ features + penalty
        weights += np.linalg.solve(bend, features.T @ (label - chance) - penalty @ weights)
    return weights


def print_ceiling(days, later, constants):
    train, test = charts.judged(days, 1, 23), dict({'days 24 to 38': charts.judged(days, 24)}, **later)
    features = [regression_features(d) for d in train]
    stays = [d['survives'] for d in train]
    models = (logistic(np.vstack(features), np.concatenate(stays).astype(float)),
              logistic(np.vstack([f[s] for f, s in zip(features, stays)]),
                       np.concatenate([d['grows'][s] for d, s in zip(train, stays)]).astype(float)))
    scores = (('formula A', formulas.formula_a), ('momentum of 0.2.0', formulas.old_momentum),
              ('momentum as shipped', momentum(constants)),
              ('momentum fitted on days 1 to 23', momentum(fit(train))))
    rows = [(label,) + tuple(' / '.join(number(x) for x in measure.mean(score, part)[:2])
                             for part in test.values()) for label, score in scores]
    rows += [('two regressions',) + tuple(
                ' / '.join(number(measure.mean(lambda d: regression_features(d) @ model, part)[target])
                           for target, model in enumerate(models)) for part in test.values())]
    table('A ceiling: one logistic regression for each target, 25 features, fitted on days 1 to 23',
          ('survival / growth',) + tuple(test), rows)


def print_perturbed(files, constants):
    def losses(changed):
        return [max(measure.mean(momentum(constants), days)[i] - measure.mean(momentum(changed), days)[i]
                    for i in (0, 1)) for days in files.values()]

    rows = []
    for name in formulas.NAMES:
        worst = np.max([losses(dict(constants, **{name: constants[name] * factor}))
                        for factor in (0.8, 1.2)], axis=0)
        rows.append((name, '%g' % constants[name]) + tuple(change(-x) for x in worst))
    table('One constant 20 % off, in the worse direction: the larger loss of the two AUCs',
          ('constant', 'value') + tuple(files), rows)


def print_terms(train, files, constants):
    """What a term is worth: the fit repeated without it, or with one more."""
    rows = []

    def add(label, fitted, extra=None):
        rows.append((label, short(fitted))
                    + tuple(against_old(momentum(fitted, extra), d) for d in files.values()))

    add('as shipped', constants)
    add('fitted', fit(train))
    for names, label in ((('newcomer_likes_weight',), 'without likes'), (('newcomer_views_weight',), 'without views'),
                         (('newcomer_music', 'grown_music', 'topical'), 'without categories')):
        grid = {n: s for n, s in GRID.items() if n not in names}
        add(label, fit(train, None, grid, dict(START, **{name: 0.0 for name in names})))

    trials = (
        ('and likes of videos seen before', 0.05,
         lambda d: np.where(d['newcomer'], 0, np.log10((d['likes'] + 10) / (d['views'] + 1000)) + 1.5)),
        ('and comments', 0.05, lambda d: np.log10((d['comments'] + 10) / (d['views'] + 1000)) + 2.3),
        ('and days since first charted', 0.05, lambda d: -d['charted_hours'] / 24),
        ('and lg views of videos seen before', 0.05,
         lambda d: np.where(d['newcomer'], 0, 5.5 - np.log10(d['views'] + 1000))),
        ('and ranks gained since yesterday', 0.2, lambda d: np.nan_to_num(d['place_before'] - d['place'])),
        ('and acceleration', 0.1, acceleration),
    )
    for label, step, term in trials:
        def extra(d, c, term=term):
            return c['trial'] * term(d)
        fitted = fit(train, extra, dict(GRID, trial=step), dict(constants, trial=0.0))
        add('%s (weight %g)' % (label, fitted['trial']), fitted, extra)
    table('Each term\'s worth: refitted without it, or with one more; gain over 0.2.0',
          ('formula', 'constants') + tuple(files), rows)


def print_turnover(folder, constants):
    """Charts looked at every second or third day stand for such as renew faster; a knee that follows them."""
    path = os.path.join(folder, dict(charts.FILES)['2017 Sept-Oct'])
    rows = []
    for step in (1, 2, 3):
        days = [d for start in range(step) for d in charts.judged(charts.load_days(path, step, start))]
        leave = 1 - np.mean([d['survives'].mean() for d in days])
        rows.append(('%d' % step, '%.0f %%' % (leave * 100), result(formulas.old_momentum, days),
                     result(momentum(constants), days),
                     result(lambda d: momentum(dict(constants, sinking_start=0.925 - 0.5 * d['turnover']))(d), days)))
    table('Turnover: every day, every second and every third day of 2017 Sept-Oct taken as one',
          ('days', 'leave', '0.2.0', 'shipped', 'start of sinking 0.925 - 0.5 turnover'), rows)


def acceleration(d):
    """lg of the last growth over the one before, 0 without three observations."""
    def lg_growth(now, before):
        return np.log10(np.minimum(np.maximum(now - before, 0) / (before + 1000), 10) + 0.05)
    with np.errstate(invalid='ignore'):
        return np.nan_to_num(lg_growth(d['views'], d['views_before'])
                             - lg_growth(d['views_before'], d['views_2_before']))


def print_newcomers(files, constants):
    rows = []
    for level in (0.3, 0.5, 0.7, 0.9, constants['newcomer_level'], 1.3):
        score = momentum(dict(constants, newcomer_level=level))
        days = files['2017 Sept-Oct']
        best = np.mean([d['newcomer'][np.argsort(-score(d), kind='stable')[:25]].mean() for d in days])
        raw = np.concatenate([score(d) for d in days])
        top = raw >= np.quantile(raw, 0.85)
        share = np.concatenate([d['newcomer'] for d in days])[top].mean()
        rows.append(('%g' % level, '%.0f %%' % (best * 100), '%.0f %%' % (share * 100))
                    + tuple(result(score, d) for d in files.values()))
    table('The newcomer term: what a lower one costs',
          ('newcomer_level', 'newcomers in the first 25', 'at 85 and above') + tuple(files), rows)


def print_calibration(files, constants, baseline):
    rows = []
    for name, days in files.items():
        raw = [formulas.momentum_raw(d, constants) for d in days]
        own = np.quantile(np.concatenate(raw), 0.85)
        score = [formulas.momentum_score(r, baseline) for r in raw]
        share = np.array([(s >= 85).mean() for s in score]) * 100
        own_share = np.array([(r >= own).mean() for r in raw]) * 100
        rows.append((name, len(days), '%.1f %%' % share.mean(), '%.1f' % share.std(),
                     '%.1f to %.1f %%' % (share.min(), share.max()), '%.2f' % own, '%.1f' % own_share.std(),
                     '%.0f' % np.median(np.concatenate(score))))
    table('Calibration: share of a day\'s chart at 85 and above (shipped baseline %g)' % baseline,
          ('charts', 'days', 'mean', 'standard deviation', 'least and most', 'baseline of its own',
           'standard deviation with it', 'median score'), rows)


def print_attack(days, constants):
    rows = []
    for name, score in formulas.sorts(constants):
        cells = []
        for share in (0.05, 0.5):
            gained = measure.lift(score, days, share)
            cells += ['%+d' % np.median(gained), '%+d' % np.quantile(gained, 0.95), '%+d' % gained.max()]
        rows.append((name,) + tuple(cells))
    table('Attack: ranks gained in a chart of 200 by fake views (2017 Sept-Oct, every video of every day, alone)',
          ('score', '5 %, median', '5 %, 95th percentile', '5 %, worst', '50 %, median', '50 %, 95th percentile',
           '50 %, worst'), rows)
    print_momentum_attack(days, constants)


def print_momentum_attack(days, constants):
    newcomer = np.concatenate([d['newcomer'] for d in days])
    score = momentum(constants)
    raw = np.concatenate([score(d) for d in days])
    top = np.quantile(raw, 0.85)
    rows = []
    for share in (0.05, 0.5, 2.0):
        gained = measure.lift(score, days, share)
        after = np.concatenate([score(measure.inflated(d, share)) for d in days])
        rows.append(('%g %%' % (share * 100),
                     '%+d' % np.median(gained[newcomer]), '%+d' % gained[newcomer].max(),
                     '%+d' % np.median(gained[~newcomer]), '%+d' % gained[~newcomer].max(),
                     '%.1f %%' % (((raw < top) & (after >= top)).sum() / (raw < top).sum() * 100),
                     '%.1f %%' % (((raw >= top) & (after < top)).sum() / (raw >= top).sum() * 100)))
    table('Attack on momentum in detail',
          ('fake views', 'newcomers, median', 'newcomers, best', 'seen before, median', 'seen before, best',
           'lifted into the top 15 %', 'dropped out of it'), rows)


def main(folder, source):
    shipped = formulas.shipped(source)
    constants = {name: shipped[name] for name in formulas.NAMES}
    everything = charts.load_folder(folder)
    files = {name: charts.judged(days) for name, days in everything.items()}
    train = files['2017 Sept-Oct']
    later = {name: days for name, days in files.items() if name != '2017 Sept-Oct'}

    print('Charts: ' + '; '.join('%s %d days judged' % (name, len(days)) for name, days in files.items()))
    print_rolling(everything['2017 Sept-Oct'], later, constants)
    print_sorts(files, constants)
    print_ceiling(everything['2017 Sept-Oct'], later, constants)
    print_perturbed(files, constants)
    print_terms(train, files, constants)
    print_turnover(folder, constants)
    print_newcomers(files, constants)
    print_calibration(files, constants, shipped['default_baseline'])
    print_attack(train, constants)


if __name__ == '__main__':
    main(*sys.argv[1:3])
