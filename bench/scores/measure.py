"""What a score is judged by: AUC and precision for each day, averaged over the days."""
import numpy as np


def auc(score, label):
    """Chance that a random positive scores above a random negative; a tie counts half. NaN without both."""
    _, group, size = np.unique(score, return_inverse=True, return_counts=True)
    middle_rank = (np.cumsum(size) - (size - 1) / 2)[group]
    positives = label.sum()
    negatives = len(label) - positives
    if positives == 0 or negatives == 0:
        return np.nan
    return (middle_rank[label].sum() - positives * (positives + 1) / 2) / (positives * negatives)


def precision(score, label, size=25):
    """Share of positives among the best; ties in chart order."""
    return label[np.argsort(-score, kind='stable')[:size]].mean()


def daily(score, days):
    """(survival AUC, growth AUC, growth precision@25) of each day; growth is ranked among the survivors."""
    rows = []
    for data in days:
        value, stays = score(data), data['survives']
        rows.append((auc(value, stays), auc(value[stays], data['grows'][stays]),
                     precision(value[stays], data['grows'][stays])))
    return np.array(rows)


def mean(score, days):
    return np.nanmean(daily(score, days), axis=0)


def inflated(data, share):
    """The day as it looks with `share` more views for every video."""
    return dict(data, views=np.floor(data['views'] * (1 + share)))


def lift(score, days, share):
    """Ranks that each video would gain, alone, by `share` more views: one number for each video and day."""
    gained = []
    for data in days:
        before = score(data)
        after = score(inflated(data, share))
        # everyone but the video itself keeps the old score
        above_before = (before[None, :] > before[:, None]).sum(axis=1)
        above_after = (before[None, :] > after[:, None]).sum(axis=1) - (before > after)
        gained.append(above_before - above_after)
    return np.concatenate(gained)
