#!/usr/bin/env perl
#
# generate.pl
#     Sample charts for the demo database: what the YouTube Data API would
#     have answered to videos.list (chart=mostPopular), once a day for each
#     region.  Every video, channel and figure is made up.
#
# usage: generate.pl [--days 14] [--per-chart 200] [--seed 1]
#                    [--until 2026-01-14T06:00:00Z] [--regions US,PL]
#        generate.pl --categories
#
# Prints one line for each page of 50 items, ordered by day, region and page:
#
#     REGION <tab> FETCHED_AT <tab> FIRST_RANK <tab> JSON
#
# in the text format of COPY, so that "\copy table from file" gives back
# exactly the JSON.  All pages of one chart share FETCHED_AT; the last day's
# are fetched within the quarter of an hour before --until.  With
# --categories it prints one videoCategories.list response, plain JSON.
#
# The output depends on the options alone: the random numbers are made here,
# figures use no mathematical function whose last digit differs between
# machines, and the clock is not read.  --regions only chooses what is printed:
# the charts of a region are the same with and without the others.
#
# How a chart lives: 12 to 18 % of it are new every day.  They enter near the
# top, sink, the faster the shorter-lived their category is, and fall off the
# bottom.  A video's figures are functions of time that only grow, the same in
# all regions: an international hit enters one region first and others one to
# three days later, with the same id and the figures of that minute.
#
# The word lists stand at the end of this file.

use v5.36;
use utf8;

use Digest::SHA  qw(sha1 sha1_base64);
use Getopt::Long qw(GetOptions);
use MIME::Base64 qw(encode_base64);
use Time::Local  qw(timegm);

use constant {
	HOUR      => 3600,
	DAY       => 86_400,
	PAGE_SIZE => 50,

	# days simulated before the first one printed: every chart is full by then
	WARM_UP => 18,

	# international hits born in a day, as a share of a chart's length
	HITS_PER_DAY => 0.055,

	# views with which a video of middling luck ends: a hit's, and a national
	# one's in hours of its region's pace
	HIT_VIEWS   => 1_800_000,
	USUAL_HOURS => 62,

	# videos in a hundred that take off for real
	BREAKOUTS => 5,

	# YouTube allows 100 characters; this leaves room for a hashtag
	MAX_TITLE => 90,

	# the channel that owns YouTube's own categories
	CATEGORY_CHANNEL => 'UCBR8-60-B28hp2BmDPdntcQ',
};

# Rows as hashes of the named columns.
sub table ($columns, @rows) {
	return map {
		my %row;
		@row{@$columns} = @$_;
		\%row;
	} @rows;
}

# A region: where its words come from, the views an hour its successful videos
# gain, the category it is fond of, the chance in a hundred that an
# international hit reaches it, the region its own hits may cross to, and how
# long before --until its chart is fetched.
my @REGIONS = table(
	[qw(code words language pace fond_of reach neighbour minutes seconds)],
	[ 'US', [qw(us en any)], 'en-US', 66_000, 24, 68, 'GB',  13, 14 ],
	[ 'GB', [qw(gb en any)], 'en-GB', 20_000, 17, 65, 'US',  11, 37 ],
	[ 'PL', [qw(pl any)],    'pl',    10_000, 20, 42, undef, 9, 52 ],
	[ 'NL', [qw(nl any)],    'nl',    8_000,  22, 48, undef, 7, 8 ],
	[ 'SE', [qw(sv any)],    'sv',    4_500,  10, 46, 'NO',  4, 45 ],
	[ 'NO', [qw(no any)],    'no',    3_700,  26, 40, 'SE',  2, 21 ],
	[ 'AT', [qw(de any)],    'de',    3_700,  19, 45, undef, 1, 3 ],
);
my %REGION = map { $_->{code} => $_ } @REGIONS;

# Where the words of an international hit come from, and how many in a hundred
# of the hits' channels that is, by category; English has the rest.
my @WORLD = table(
	[qw(words language share)],
	[ [qw(world en any)], 'en', {} ],
	[ [qw(es any)],       'es', { 10 => 14, 17 => 20 } ],
	[ [qw(ko any)],       'ko', { 10 => 14, 24 => 12 } ],
	[ [qw(ja any)],       'ja', { 10 => 8,  20 => 14 } ],
	[ [qw(hi any)],       'hi', { 10 => 10, 1  => 15 } ],
	[ [qw(ar any)],       'ar', { 10 => 7,  24 => 8 } ],
	[ [qw(he any)],       'he', { 10 => 5 } ],
	[ [qw(zh any)],       'zh', { 10 => 5,  15 => 20 } ],
);

# A category: how many in a hundred of all videos and of the hits are in it,
# its audience and how fast it sinks in a chart (1 is usual), the hours until
# half of all views are there, likes in a hundred views, comments in a hundred
# likes, seconds of playing time, and hours from publication to the first chart
# (both from, to).
my @CATEGORIES = table(
	[
		qw(id title share hits audience sink half_time likes comments
		  shortest longest soonest latest)
	],
	[ 1,  'Film & Animation',     5,  12, 1.0, 0.95, 44, 3.6, 9,  80,  840,  8, 34 ],
	[ 2,  'Autos & Vehicles',     2,  1,  0.8, 1.05, 36, 3.4, 10, 480, 1800, 8, 30 ],
	[ 10, 'Music',                18, 38, 1.2, 0.62, 72, 4.9, 7,  140, 290,  8, 36 ],
	[ 15, 'Pets & Animals',       2,  2,  0.9, 1.00, 38, 4.8, 8,  60,  720,  8, 30 ],
	[ 17, 'Sports',               12, 9,  0.9, 1.30, 17, 2.0, 12, 120, 900,  4, 16 ],
	[ 19, 'Travel & Events',      2,  1,  0.7, 1.00, 40, 3.6, 10, 600, 2400, 8, 30 ],
	[ 20, 'Gaming',               13, 13, 1.0, 1.00, 27, 5.2, 13, 600, 4500, 6, 24 ],
	[ 22, 'People & Blogs',       11, 2,  0.9, 1.05, 30, 4.6, 12, 420, 1800, 6, 26 ],
	[ 23, 'Comedy',               6,  4,  1.1, 0.95, 32, 5.3, 10, 120, 840,  6, 28 ],
	[ 24, 'Entertainment',        17, 13, 1.2, 0.92, 34, 4.3, 11, 480, 2100, 6, 28 ],
	[ 25, 'News & Politics',      6,  0,  0.5, 1.75, 8,  1.7, 18, 70,  780,  3, 12 ],
	[ 26, 'Howto & Style',        4,  1,  0.8, 1.00, 40, 3.9, 9,  300, 1200, 8, 30 ],
	[ 27, 'Education',            3,  1,  0.8, 0.90, 46, 4.2, 10, 480, 1500, 8, 34 ],
	[ 28, 'Science & Technology', 3,  3,  0.9, 0.95, 38, 4.0, 11, 420, 1320, 8, 30 ],
);

# views of a day against the week's mean, from Sunday to Saturday
my @WEEKDAY = (1.09, 0.95, 0.94, 0.96, 0.98, 1.01, 1.07);

my %THUMBNAILS = (
	default  => [ 'default',       120,  90 ],
	medium   => [ 'mqdefault',     320, 180 ],
	high     => [ 'hqdefault',     480, 360 ],
	standard => [ 'sddefault',     640, 480 ],
	maxres   => [ 'maxresdefault', 1280, 720 ],
);

# ---------------------------------------------------------------------------
# Random numbers: named streams, so that what one thing draws moves no other.
# ---------------------------------------------------------------------------

package Random {

	sub new ($class, $name) {
		return bless [ unpack 'N4', Digest::SHA::sha1($name) ], $class;
	}

	# from 0 to below 1; Marsaglia's xorshift128, 32 bits at a time
	sub uniform ($self) {
		my ($x, $y, $z, $w) = @$self;
		my $t = $x ^ (($x << 11) & 0xffff_ffff);
		@$self = ($y, $z, $w, $w ^ ($w >> 19) ^ $t ^ ($t >> 8));
		return $self->[3] / 4_294_967_296;
	}

	sub between ($self, $low, $high) {
		return $low + ($high - $low) * $self->uniform;
	}

	# a whole number, both ends included
	sub whole ($self, $low, $high) {
		return int $self->between($low, $high + 1);
	}

	# true so many times in a hundred
	sub percent ($self, $chance) {
		return 100 * $self->uniform < $chance;
	}

	sub pick ($self, $list) {
		return $list->[ $self->uniform * @$list ];
	}

	# one of the list, each as often as its number in weights says
	sub weighted ($self, $list, $weights) {
		my $total = 0;
		$total += $_ for @$weights;
		my $left = $total * $self->uniform;
		for my $i (0 .. $#$list) {
			$left -= $weights->[$i];
			return $list->[$i] if $left < 0;
		}
		return $list->[-1];
	}

	# e to the power of a nearly normal number: median 1, a long upper tail
	sub skewed ($self, $sigma) {
		my $normal = -6;
		$normal += $self->uniform for 1 .. 12;
		return main::exponential($sigma * $normal);
	}
}

# e to the power of x by its series: + and * alone round alike everywhere.
sub exponential ($x) {
	my ($term, $sum) = (1, 1);
	for my $n (1 .. 12) {
		$term *= $x / 64 / $n;
		$sum += $term;
	}
	$sum *= $sum for 1 .. 6;
	return $sum;
}

sub clamp ($x, $low, $high) {
	return $x < $low ? $low : $x > $high ? $high : $x;
}

# ---------------------------------------------------------------------------
# Words: a section of the data below is a list of alternatives, in which
# {name} stands for one of the section of that name and {2-9} for a number.
# ---------------------------------------------------------------------------

sub read_words () {
	my (%words, $section);
	binmode DATA, ':encoding(UTF-8)';
	while (my $line = <DATA>) {
		chomp $line;
		next if $line eq '';
		if ($line =~ m{^\[(\w+/[\w/]+)\]$}) {
			$section = $words{$1} = [];
			next;
		}
		push @$section, split /\s*;\s*/, $line;
	}
	return \%words;
}

# The alternatives of a name, from the first vocabulary that has them.
sub alternatives ($self, $vocabularies, $name) {
	for my $vocabulary (@$vocabularies) {
		my $list = $self->{words}{"$vocabulary/$name"};
		return $list if $list;
	}
	return;
}

# One of the alternatives that this text has not used yet, if there is one.
sub choose_unused ($random, $list, $used) {
	my $choice;
	for (1 .. 8) {
		$choice = $random->pick($list);
		last unless $used->{$choice}++;
	}
	return $choice;
}

sub compose ($self, $random, $vocabularies, $name, $channel = '') {
	my %used;
	my $expand = sub ($slot) {
		return $channel               if $slot eq 'channel';
		return $random->whole($1, $2) if $slot =~ /^(\d+)-(\d+)$/;
		my $list = $self->alternatives($vocabularies, $slot)
		  or die "no words for {$slot} in @$vocabularies\n";
		return choose_unused($random, $list, \%used);
	};
	my $text = $expand->($name);
	1 while $text =~ s/\{(\w+|\d+-\d+)\}/$expand->($1)/e;
	return $text =~ s/\\n/\n/gr;
}

# A text that was not there before and is not too long.
sub compose_new ($self, $random, $vocabularies, $name, $channel = '') {
	my $text;
	for (1 .. 40) {
		$text = ucfirst $self->compose($random, $vocabularies, $name, $channel);
		next if length $text > MAX_TITLE;
		return $text unless $self->{seen}{$text}++;
	}
	return "$text #" . (2 + $self->{repeats}{$text}++);
}

# ---------------------------------------------------------------------------
# Names that YouTube would give
# ---------------------------------------------------------------------------

sub web_safe ($base64) {
	return $base64 =~ tr{+/}{-_}r =~ s/=+$//r;
}

# An id out of a name: 8 bytes give the 11 characters of a video's, 16 the 22
# of a channel's.
sub identifier ($name, $bytes) {
	my $bits = substr sha1($name), 0, $bytes;
	return web_safe(encode_base64($bits, ''));
}

sub etag (@parts) {
	return web_safe(sha1_base64(join ':', @parts));
}

# YouTube's page tokens: the offset and whether the page lies before or after.
sub page_token ($offset, $before) {
	my $number = $offset < 128
	  ? pack 'C', $offset
	  : pack 'CC', $offset & 127 | 128, $offset >> 7;
	return web_safe(encode_base64("\x08$number\x10" . chr $before, ''));
}

# ---------------------------------------------------------------------------
# Channels
# ---------------------------------------------------------------------------

sub new_channel ($self, $source, $category) {
	my $number = $self->{channels}++;
	my $random = Random->new("$self->{seed}:channel:$number");
	my $words  = $source->{words};
	my $rule   = "channel/$category->{id}";
	$rule = 'channel/other' unless $self->alternatives($words, $rule);
	return {
		id       => 'UC' . identifier("$self->{seed}:UC:$number", 16),
		title    => $self->compose_new($random, $words, $rule),
		category => $category,
		words    => $words,
		language => $source->{language},
		fame     => $random->skewed(0.55),
		last_day => -999,
	};
}

# The channels of a region, by category.
sub national_channels ($self, $region) {
	my %channels;
	for my $category (@CATEGORIES) {
		my $count = 3 + int 1.2 * $category->{share};
		$channels{ $category->{id} } =
		  [ map { $self->new_channel($region, $category) } 1 .. $count ];
	}
	return \%channels;
}

# The channels whose videos are watched everywhere, by category.
sub world_channels ($self) {
	my $random = Random->new("$self->{seed}:world");
	my %channels;
	for my $category (grep { $_->{hits} } @CATEGORIES) {
		my $id     = $category->{id};
		my @shares = map { $_->{share}{$id} // 0 } @WORLD;
		$shares[0] = 100;
		$shares[0] -= $_ for @shares[ 1 .. $#shares ];
		for (1 .. 4 + 2 * $category->{hits}) {
			my $source = $random->weighted(\@WORLD, \@shares);
			push @{ $channels{$id} }, $self->new_channel($source, $category);
		}
	}
	return \%channels;
}

# The longest silent of three, so that nobody uploads all day.
sub choose_channel ($random, $channels, $day) {
	my ($choice) = sort { $a->{last_day} <=> $b->{last_day} }
	  map { $random->pick($channels) } 1 .. 3;
	$choice->{last_day} = $day;
	return $choice;
}

# ---------------------------------------------------------------------------
# Videos
# ---------------------------------------------------------------------------

# The second of publication: most are scheduled for a quarter of an hour.
sub publication ($random, $category, $first_fetch) {
	my $time = $first_fetch - int HOUR
	  * $random->between($category->{soonest}, $category->{latest});
	return $time if $random->percent(35);
	return $time - $time % 900 + $random->whole(0, 14);
}

sub playing_time ($random, $category, $short) {
	return $random->whole(14, 59) if $short;
	return $random->whole($category->{shortest}, $category->{longest});
}

# What is decided when a video is published.  Its audience is the number of
# views it ends with when luck is middling.
sub new_video ($self, $channel, $audience, $first_fetch, $breakout_chance) {
	my $number   = $self->{videos}++;
	my $random   = Random->new("$self->{seed}:video:$number");
	my $category = $channel->{category};
	my $breakout = $random->percent($breakout_chance);
	my $radio    = $category->{id} == 10 && $random->percent(1);
	my $short    = $category->{id} =~ /^(?:15|23|24)$/ && $random->percent(15);
	my $title    = $self->compose_new($random, $channel->{words},
		$radio ? 'radio' : $category->{id}, $channel->{title});

	return {
		number    => $number,
		id        => identifier("$self->{seed}:v:$number", 8),
		channel   => $channel,
		category  => $category,
		title     => $short ? "$title #shorts" : $title,
		live      => $radio,
		seconds   => $radio ? 0 : playing_time($random, $category, $short),
		published => publication($random, $category, $first_fetch),
		total     => $audience * $category->{audience} * ($breakout ? 4 : 1)
		  * clamp($channel->{fame} * $random->skewed(0.8), 0.05, 9),
		half_time => $category->{half_time} * $random->between(0.75, 1.3)
		  * ($breakout ? 1.4 : 1),
		likes => clamp($category->{likes} * $random->skewed(0.35)
			  * ($breakout ? 1.25 : 1), 1.05, 6.4) / 100,
		comments     => $category->{comments} * $random->skewed(0.4) / 100,
		sink         => $category->{sink} * ($breakout ? 0.75 : 1),
		entry        => $breakout ? -0.03 : 0,
		no_likes     => $random->percent(2),
		no_comments  => $random->percent(3),
		luck         => [],
		luck_source  => Random->new("$self->{seed}:luck:$number"),
	};
}

# Hours that count for a video's growth up to a moment: more on good days.
sub hours_watched ($video, $time) {
	my $birth_day = int $video->{published} / DAY;
	my $hours     = 0;
	for (my $from = $video->{published}; $from < $time;) {
		my $day  = int $from / DAY;
		my $till = $time < ($day + 1) * DAY ? $time : ($day + 1) * DAY;
		my $luck = \$video->{luck}[ $day - $birth_day ];
		$$luck //= $video->{luck_source}->between(0.8, 1.2);

		# 1 January 1970 was a Thursday
		$hours += ($till - $from) / HOUR * $WEEKDAY[ ($day + 4) % 7 ] * $$luck;
		$from = $till;
	}
	return $hours;
}

# Views, likes and comments at a moment.  Each is the end figure times a share
# that only grows; the fans come first, so likes are ahead of views.
sub figures ($video, $time) {
	my $hours = hours_watched($video, $time);
	my $half  = $video->{half_time};
	my $share = sub ($h) { return $h / ($h + $half) };
	my $likes = $video->{total} * $video->{likes} * $share->(1.25 * $hours);
	return (
		int $video->{total} * $share->($hours),
		int $likes,
		int $likes * $video->{comments});
}

# ---------------------------------------------------------------------------
# JSON: objects are written from pairs, in YouTube's order
# ---------------------------------------------------------------------------

my %ESCAPE = (
	"\n" => '\n',
	'"'  => '\"',
	'\\' => '\\\\',
	'<'  => '\u003c',
	'>'  => '\u003e',
);

sub string ($text) {
	return '"' . ($text =~ s/(["\\<>\n])/$ESCAPE{$1}/gr) . '"';
}

sub array (@values) {
	return '[' . join(',', @values) . ']';
}

# The values are JSON already; an undefined one drops out with its name.
sub object (@pairs) {
	my @members;
	while (my ($name, $value) = splice @pairs, 0, 2) {
		push @members, qq("$name":$value) if defined $value;
	}
	return '{' . join(',', @members) . '}';
}

sub timestamp ($time) {
	my ($sec, $min, $hour, $day, $month, $year) = gmtime $time;
	return sprintf '%04d-%02d-%02dT%02d:%02d:%02dZ',
	  $year + 1900, $month + 1, $day, $hour, $min, $sec;
}

sub duration ($seconds) {
	return 'P0D' unless $seconds;
	my ($h, $m, $s) = (int $seconds / HOUR, $seconds / 60 % 60, $seconds % 60);
	return join '', 'PT', $h ? "${h}H" : (), $m ? "${m}M" : (),
	  $s ? "${s}S" : ();
}

sub thumbnails ($random, $id) {
	my @sizes = qw(default medium high);
	push @sizes, 'standard' if $random->percent(96);
	push @sizes, 'maxres'   if $sizes[-1] eq 'standard' && $random->percent(90);
	return object(
		map {
			my ($file, $width, $height) = @{ $THUMBNAILS{$_} };
			$_ => object(
				url    => string("https://i.ytimg.com/vi/$id/$file.jpg"),
				width  => $width,
				height => $height);
		} @sizes);
}

# The channel's name, words of the title and what everybody uses.
sub tags ($self, $random, $video) {
	my $channel = $video->{channel};
	my @tags    = (lc $channel->{title});
	push @tags, grep { $random->percent(60) } lc($video->{title}) =~ /\w{5,}/g;
	push @tags, $self->compose($random, $channel->{words}, 'tag')
	  for 1 .. $random->whole(1, 5);
	my %seen;
	return array(map { string($_) } grep { !$seen{$_}++ } @tags);
}

sub snippet ($self, $random, $video) {
	my $channel     = $video->{channel};
	my $description = $random->percent(4) ? '' : $self->compose($random,
		$channel->{words}, 'description', $channel->{title});
	my $language = string($channel->{language});
	my @text     = (
		title       => string($video->{title}),
		description => string($description),
	);
	my $maybe = sub ($chance, $value) {
		return $random->percent($chance) ? $value : undef;
	};
	return object(
		publishedAt          => string(timestamp($video->{published})),
		channelId            => string($channel->{id}),
		@text,
		thumbnails           => thumbnails($random, $video->{id}),
		channelTitle         => string($channel->{title}),
		tags                 => $maybe->(75, $self->tags($random, $video)),
		categoryId           => string($video->{category}{id}),
		liveBroadcastContent => string($video->{live} ? 'live' : 'none'),
		defaultLanguage      => $maybe->(45, $language),
		localized            => $maybe->(92, object(@text)),
		defaultAudioLanguage => $maybe->(75, $language));
}

sub content_details ($random, $video) {
	return object(
		duration        => string(duration($video->{seconds})),
		dimension       => string('2d'),
		definition      => string($random->percent(98) ? 'hd' : 'sd'),
		caption         => string($random->percent(30) ? 'true' : 'false'),
		licensedContent => $random->percent(70) ? 'true' : 'false',
		contentRating   => '{}',
		projection      => string('rectangular'));
}

sub statistics ($video, $views, $likes, $comments) {
	return object(
		viewCount     => string($views),
		likeCount     => $video->{no_likes} ? undef : string($likes),
		favoriteCount => string(0),
		commentCount  => $video->{no_comments} ? undef : string($comments));
}

# The parts of an item that never change are made once.
sub item ($self, $video, $time) {
	$video->{fixed} //= do {
		my $random = Random->new("$self->{seed}:text:$video->{number}");
		[
			snippet        => $self->snippet($random, $video),
			contentDetails => content_details($random, $video),
		];
	};
	my @figures = figures($video, $time);
	return object(
		kind       => string('youtube#video'),
		etag       => string(etag($video->{id}, @figures)),
		id         => string($video->{id}),
		@{ $video->{fixed} },
		statistics => statistics($video, @figures));
}

# The page of a chart that starts behind so many videos.
sub page ($self, $chart, $offset, $time) {
	my $last   = clamp($offset + PAGE_SIZE, 1, scalar @$chart) - 1;
	my @videos = map { $_->{video} } @$chart[ $offset .. $last ];
	my @items  = map { $self->item($_, $time) } @videos;
	return object(
		kind          => string('youtube#videoListResponse'),
		etag          => string(etag($time, map { $_->{id} } @videos)),
		items         => array(@items),
		nextPageToken =>
		  $last < $#$chart ? string(page_token($last + 1, 0)) : undef,
		prevPageToken => $offset ? string(page_token($offset, 1)) : undef,
		pageInfo      => object(
			totalResults   => scalar @$chart,
			resultsPerPage => PAGE_SIZE));
}

sub category_list () {
	my @items = map {
		object(
			kind    => string('youtube#videoCategory'),
			etag    => string(etag($_->{id}, $_->{title})),
			id      => string($_->{id}),
			snippet => object(
				title      => string($_->{title}),
				assignable => 'true',
				channelId  => string(CATEGORY_CHANNEL)))
	} @CATEGORIES;
	return object(
		kind  => string('youtube#videoCategoryListResponse'),
		etag  => string(etag(map { $_->{title} } @CATEGORIES)),
		items => array(@items));
}

# ---------------------------------------------------------------------------
# Charts
# ---------------------------------------------------------------------------

# When a region's chart of a day is fetched; day 0 is the first one printed.
sub fetch_time ($self, $region, $day) {
	return $self->{until} - ($self->{days} - 1 - $day) * DAY
	  - 60 * $region->{minutes} - $region->{seconds};
}

# Have a video enter a region's chart on a later day, or on this one.
sub schedule ($self, $video, $region, $day) {
	push @{ $self->{arrivals}{$day}{ $region->{code} } }, $video;
	return;
}

# A hit starts in one region, mostly the largest, and reaches others later.
sub start_hit ($self, $random, $day) {
	my @hits     = map { $_->{hits} } @CATEGORIES;
	my @paces    = map { $_->{pace} } @REGIONS;
	my $category = $random->weighted(\@CATEGORIES, \@hits);
	my $home     = $random->weighted(\@REGIONS, \@paces);
	my $channels = $self->{world}{ $category->{id} };
	my $video    = $self->new_video(choose_channel($random, $channels, $day),
		HIT_VIEWS, $self->fetch_time($home, $day), 2 * BREAKOUTS);
	for my $region (@REGIONS) {
		my $delay = $region == $home ? 0 : $random->whole(1, 3);
		next if $delay && !$random->percent($region->{reach});
		$self->schedule($video, $region, $day + $delay);
	}
	return;
}

# A region's own video; a few of the kind that hits are made of cross over.
sub start_national ($self, $random, $region, $day) {
	my $fond_of = $region->{fond_of};
	my @shares =
	  map { $_->{share} * ($_->{id} == $fond_of ? 1.5 : 1) } @CATEGORIES;
	my $category = $random->weighted(\@CATEGORIES, \@shares);
	my $channels = $self->{national}{ $region->{code} }{ $category->{id} };
	my $audience = USUAL_HOURS * $region->{pace};
	my $video    = $self->new_video(choose_channel($random, $channels, $day),
		$audience, $self->fetch_time($region, $day), BREAKOUTS);
	$self->schedule($video, $region, $day);
	my $neighbour = $region->{neighbour};
	$self->schedule($video, $REGION{$neighbour}, $day + $random->whole(1, 3))
	  if $neighbour && $category->{hits} > 10 && $random->percent(10);
	return;
}

# How many videos enter a chart on a day.
sub newcomers ($self, $random, $time) {
	my $weekday = $WEEKDAY[ (int($time / DAY) + 4) % 7 ];
	return 1 + int $self->{length} * $random->between(0.13, 0.165) * $weekday;
}

# A chart of the next day: the old ones sink, the new ones enter near the top,
# and what no longer fits falls off.  A place is 0 at the top and 1 at the
# bottom.
sub next_chart ($self, $region, $day) {
	my $code   = $region->{code};
	my $random = Random->new("$self->{seed}:chart:$code:$day");
	my $chart  = $self->{charts}{$code} // [];
	my $count  = $self->newcomers($random, $self->fetch_time($region, $day));

	while (@{ $self->{arrivals}{$day}{$code} // [] } < $count) {
		$self->start_national($random, $region, $day);
	}
	$_->{place} += $_->{video}{sink} * $random->between(0.11, 0.19) for @$chart;
	for my $video (@{ $self->{arrivals}{$day}{$code} }) {
		my $luck  = $random->uniform;
		my $place = $video->{entry} + 0.22 * $luck * $luck;
		push @$chart, { video => $video, place => $place };
	}
	my @order = sort {
		$a->{place} <=> $b->{place} || $a->{video}{number} <=> $b->{video}{number}
	} @$chart;
	splice @order, $self->{length} if @order > $self->{length};
	return $self->{charts}{$code} = \@order;
}

# What COPY reads back as the same text.
sub copy_field ($text) {
	return $text =~ s/\\/\\\\/gr;
}

sub print_chart ($self, $region, $day) {
	my $chart = $self->{charts}{ $region->{code} };
	my $time  = $self->fetch_time($region, $day);
	for (my $offset = 0; $offset < @$chart; $offset += PAGE_SIZE) {
		say join "\t", $region->{code}, timestamp($time), $offset + 1,
		  copy_field($self->page($chart, $offset, $time));
	}
	return;
}

sub run_day ($self, $day) {
	my $random = Random->new("$self->{seed}:hits:$day");
	my $hits   = HITS_PER_DAY * $self->{length} * $random->between(0.8, 1.2);
	$self->start_hit($random, $day) for 1 .. int $hits + 0.5;
	for my $region (@REGIONS) {
		$self->next_chart($region, $day);
		$self->print_chart($region, $day)
		  if $day >= 0 && $self->{print}{ $region->{code} };
	}
	delete $self->{arrivals}{$day};
	return;
}

sub print_charts ($options) {
	my $self = bless {
		%$options,
		words    => read_words(),
		channels => 0,
		videos   => 0,
	};
	$self->{world} = $self->world_channels;
	$self->{national}{ $_->{code} } = $self->national_channels($_) for @REGIONS;
	$self->run_day($_) for -WARM_UP .. $self->{days} - 1;
	return;
}

# ---------------------------------------------------------------------------
# Command line
# ---------------------------------------------------------------------------

sub usage ($message = undef) {
	warn "generate.pl: $message\n" if defined $message;
	warn <<~'END';
		usage: generate.pl [--days 14] [--per-chart 200] [--seed 1]
		                   [--until 2026-01-14T06:00:00Z] [--regions US,PL]
		       generate.pl --categories
		END
	exit 2;
}

sub parse_time ($text) {
	my ($y, $mon, $d, $h, $min, $s) =
	  $text =~ /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?Z$/
	  or usage("--until must be a UTC time like 2026-01-14T06:00:00Z");
	my $time = eval { timegm($s // 0, $min, $h, $d, $mon - 1, $y) }
	  // usage("--until is no valid time: $text");
	return $time;
}

sub parse_regions ($text) {
	my %print;
	for my $code (split /,/, $text) {
		$REGION{$code} or usage("unknown region: $code");
		$print{$code} = 1;
	}
	%print or usage('--regions names no region');
	return \%print;
}

sub parse_options () {
	my %option = (
		'days'      => 14,
		'per-chart' => 200,
		'seed'      => 1,
		'until'     => '2026-01-14T06:00:00Z',
		'regions'   => join(',', map { $_->{code} } @REGIONS),
	);
	GetOptions(\%option, 'days=i', 'per-chart=i', 'seed=i', 'until=s',
		'regions=s', 'categories')
	  or usage();
	usage("unexpected argument: $ARGV[0]") if @ARGV;
	for my $name (qw(days per-chart)) {
		usage("--$name must be from 1 to 1000")
		  if $option{$name} < 1 || $option{$name} > 1000;
	}
	return \%option;
}

sub main () {
	my $option = parse_options();
	binmode STDOUT, ':encoding(UTF-8)';
	if ($option->{categories}) {
		say category_list();
		return;
	}
	print_charts({
		days   => $option->{days},
		length => $option->{'per-chart'},
		seed   => $option->{seed},
		until  => parse_time($option->{until}),
		print  => parse_regions($option->{regions}),
	});
	return;
}

main();

__DATA__

[any/game]
Blockhaven; Rook & Ruin; Moss Kingdom; Hollow Harbor; Starlit Acres; Turbo Otters
Drift District; Ember Vale; Pixel Prospectors; Lantern Deep; Skylark Tactics; Copper Colony
Wobble Warriors; Tiny Tollbooth; Gravity Bakery; Fog & Ferry
[any/gamer]
Turbo; Pixel; Nova; Kilo; Rusty; Mecha; Waffle; Captain; Zigzag; Mellow; Quantum; Soggy; Bonus; Static
[any/gamertwo]
Wombat; Kuba; Nora; Mango; Yeti; Zed; Pickle; Juno; Badger; Lotte; Viggo; Kiwi; Moth; Tofu; Pingvin
[any/channel/20]
{gamer}{gamertwo}
{gamer} {gamertwo}
{gamertwo}Plays
{gamer}{gamertwo}{10-99}
{first} Gaming
[any/person]
{first} {last}
[any/mood]
rainy night; autumn; late train; deep focus; sleepy cat; winter cabin; coffee shop; quiet library
[any/radio]
🔴 lofi radio – {mood} beats to study/relax to (24/7)
🔴 {mood} jazz radio | 24/7 live

[en/film]
The Last {filmnoun}
{filmadj} {filmnoun}
The {filmadj} {filmnoun}
A {filmnoun} in Winter
[en/filmnoun]
Cartographer; Orchard; Ferryman; Clockmaker; Glacier; Understudy; Librarian; Tollkeeper; Greenhouse; Meridian; Lodger; Weathervane
[en/filmadj]
Borrowed; Hollow; Crimson; Patient; Drowned; Second; Crooked; Sleepless; Paper; Distant
[en/1]
{film} | Official Trailer
{film} – Official Teaser (HD)
{film} | Animated Short Film
{film}: First Look Behind the Scenes
{film} – Final Trailer 🎬
How {2-9} People Animated “{film}”
Every Hidden Detail in “{film}” Explained
[en/car]
Diesel Estate; Rusty Pickup; Electric Hatchback; 1980s Camper; Kit Car; Three-Wheeler; Old Convertible; Family Minivan; Retired Fire Engine; Mail Truck
[en/2]
I Bought the Cheapest {car} {in_place}
{car}: {120-480},000 Miles Later
Restoring a Barn-Find {car} | Part {1-12}
Drag Race: {car} vs {car} vs {car}
{car} Winter Test: How Far Does It Really Go? ❄️
Will This {car} Start After {11-39} Years?
[en/song]
{songadj} {songnoun}
{songadj} {songnoun}
{songadj} {songnoun}
{songnoun} & {songnoun}
I Don't Mind the {songnoun}
Not Before {songnoun}
[en/songadj]
Paper; Neon; Slow; Borrowed; Second; Backseat; Weekend; Satellite; Careless; Porcelain; Ordinary
[en/songnoun]
Summer; Hearts; Rain; Avenue; Lightning; Goodbye; Static; Sunday; Gravity; Mirrors; Honey; Headlights
[en/band]
{bandadj} {bandnoun}
The {bandadj} {bandnoun}
[en/bandadj]
Velvet; Sleepless; Crooked; Borrowed; Lukewarm; Patient; Copper; Distant; Overdue; Tangerine; Polite
[en/bandnoun]
Otters; Teapots; Umbrellas; Lampposts; Postcards; Barometers; Marmalades; Windmills; Corridors; Pelicans; Turnips; Staircases
[en/10]
{channel} - {song} (Official Video)
{channel} – {song} [Official Audio]
{channel} - {song} (Lyric Video)
{channel} – {song} (Live {in_place})
{channel} ft. {band} – {song}
{channel} & {person} - {song} (Visualizer)
{channel} – {song} (Acoustic) 🎸
[en/pet]
Senior Beagle; Three-Legged Cat; Baby Goat; Grumpy Parrot; Rescue Greyhound; Tiny Hedgehog; Talkative Husky; Shy Alpaca; Orphaned Duckling; Corgi Puppy
[en/15]
{pet} Sees Snow for the First Time ❄️
Rescuing a {pet} {in_place} 🐾
{pet} vs. the Robot Vacuum 😂
The {pet} Nobody Wanted <3
Our {pet} Has Opinions About Breakfast
{pet} & {pet}: Best Friends Forever
[en/channel/15]
{first}'s Little Farm; Paws & {last}; The {last} Shelter; {first} and the Hounds; Whiskers of {city}
[en/channel/1]
{last} Pictures; Lantern Animation; {filmadj} Frame Studio; {filmnoun} Films; {last} & {last} Studios
[en/channel/10]
{person}
{band}
{band}
[en/19]
48 Hours {in_place}: Hidden Gems Only
The Night Train Nobody Talks About
I Walked {100-900} Miles {in_place}
Is Winter {in_place} Worth It? (Honest Review)
Living {in_place} on a Shoestring | Day {1-30}
{5-20} Things I Wish I Knew Before My Trip ✈️
[en/boss]
Marsh Queen; Clockwork Bear; Tax Collector; Old Ferryman; Thunder Hen; Glass Knight; Last Baker
[en/thing]
Castle; Lighthouse; Roller Coaster; Submarine; Treehouse; Canal Boat; Hotel; Marble Run
[en/20]
{game}, but Every {2-9} Minutes It Gets Harder
I Survived 100 Days in {game}
{game}: {boss} Boss Fight (No Damage)
We Completely Broke {game} 😂
{game} Season {2-14}: Everything New
Building a {thing} in {game} | Ep. {2-80}
{game} Any% Speedrun in {9-48}:{10-59} (World Record?)
{game} Update, Honest Review ¯\_(ツ)_/¯
Can You Beat {game} Without Jumping?
[en/job]
Baker; Night Nurse; Train Driver; Lighthouse Keeper; Beekeeper; Florist; Substitute Teacher; Plumber; Park Ranger; Barista
[en/room]
Kitchen; Attic; Tiny Bathroom; Garden Shed; Spare Room; Garage; Hallway
[en/22]
My Morning Routine as a {job}
{job} by Day, {job} by Night: A Week in My Life
We Finally Finished the {room}!
We're Having a Baby!! <3
I Quit My Job as a {job}. One Year Later…
Why We Left the City and Moved {in_place}
{room} Tour: {2-6} People, {180-700} Square Feet
An Honest Update (Please Watch Until the End)
I Said “Yes” to Everything for {3-30} Days
[en/channel/other]
{person}
{person}
{first} & {first}
{first} {last} Daily
The {last} Family
Simply {first}
[en/relative]
Grandma; Dad; Your Aunt; Your Boss; Your Uncle; Your Landlord; The New Intern
[en/tech]
Video Calls; Contactless Payment; Group Chats; Voice Messages; The Air Fryer; Emojis; Dark Mode
[en/23]
When {relative} Discovers {tech}
If Every {job} Were Honest
Every {job} Ever
"Do You Have a Receipt?" | Sketch
POV: You're the Only {job} {in_place}
{relative} Explains {tech} ¯\_(ツ)_/¯
"Reply All": The Musical
{job} vs. {job}: Who Complains More? 🤣
[en/channel/23]
{bandadj} Biscuits; {last} & {last}; Two {bandadj} Men; The {bandnoun} Show; {first} Is Not Funny; {person}; Sketchy {last}
[en/spot]
Swimming Pool; Elevator; Tent; Greenhouse; Ferris Wheel; Phone Booth; Sauna; Shopping Cart
[en/material]
Cardboard; Ice; Old Books; 10,000 Corks; Pasta; Bubble Wrap; Driftwood
[en/food]
Dumplings; Pancakes; Tomato Soup; Garlic Bread; Apple Pie; Noodles; Potato Salad; Cinnamon Buns; Tacos; Mac & Cheese
[en/24]
I Spent {24-100} Hours {in_place}
We Tried All the {food} {in_place}
Last One to Leave the {spot} Wins!
I Built a {thing} Out of {material}
{2-9} Strangers, One {spot}: Who Cracks First?
"You Can't Be Serious" 😂 The Blind {food} Test
Your Weirdest Questions, Answered | {channel}
Extreme Hide & Seek {in_place} 👀
She Had No Idea We Built Her a {thing} 😭
$1 vs $1,000 {food}
I Gave a {job} {24-72} Hours to Build a {thing}
[en/channel/24]
{person}
{first} & {first}
{first}Unlimited
Team {last}
{bandadj} Show
{first} Tries Things
Nearly {last}
[en/storm]
Agnes; Bertram; Clementine; Dorian; Edda; Fergus; Greta; Horace; Ivy
[en/commodity]
Bread; Rent; Train Ticket; Olive Oil; Electricity; Coffee; Concert Ticket
[en/issue]
the New Bridge; the Tram Line; School Meals; the Night Bus; the Harbour Plan; the Old Stadium
[en/25]
Storm {storm} Reaches the Coast: What We Know So Far
Why {commodity} Prices Are Rising Again, Explained
{city} Votes on {issue}: The Results
Rail Delays Around {city}: “Nobody Told Us Anything”
Rescue Crews Reach Hikers Near {city}
{issue} in {2-9} Minutes
Storm {storm}: Thousands Without Power Near {city}
Evening News from {city}, Edition {100-360}
[en/channel/25]
{city} Now; {city} Evening Report; Channel {61-99} {city}; The {city} Observer; {city} Newsroom; Daily {last}
[en/garment]
Raincoat; Wedding Dress; Winter Coat; Tote Bag; Three-Piece Suit
[en/26]
{food} in {5-30} Minutes (No Oven!)
The Only {food} Recipe You'll Ever Need
{2-9} Mistakes Everyone Makes with {food}
How to Organize a {room} for Under {20-90} Dollars
I Sewed a {garment} from Old Curtains
Crispy {food}? A Chef Explains the Secret
{room} Makeover on a Budget ✨
[en/channel/26]
{first}'s Kitchen; Cook with {first}; {last} & Thyme; Handmade by {first}; The {last} Workshop
[en/27]
Why Is the Sky Dark at Night?
What Happens If the Moon Moves {2-9} Metres Closer?
The Strange History of the {histobj}
Fractions, Finally Explained in {5-20} Minutes
The Map That Got {city} Wrong for {40-200} Years
How Do {animals} Find Their Way Home?
The Puzzle Only {2-9} in 100 People Solve
How the {histobj} Changed Everything
[en/histobj]
Umbrella; Traffic Light; Doorknob; Postage Stamp; Tin Can; Zipper; Escalator; Paper Bag; Pencil; Wheelbarrow
[en/animals]
Pigeons; Eels; Bees; Sea Turtles; Bats; Storks
[en/gadget]
Weather Balloon; Folding Bike; Home-Made Telescope; Solar Oven; Wooden Computer; Laser Harp; Robot Gardener
[en/28]
I Turned a {car} into a {gadget}
My {gadget} After {2-12} Months: The Truth
Can a {gadget} Survive {in_place}?
We Sent a {food} Sandwich to the Edge of Space 🚀
Building a {gadget} from Scrap, Part {1-9}
Inside the Quietest Room on Earth
The Physics of {food}
[en/tag]
funny; challenge; new; official; viral; how to; review; best of; family friendly; compilation; explained; reaction; daily
[en/description]
New every week. Thanks for watching!\n\nMore: https://example.com/hello\n#new #trending
{channel} is back.\nSubscribe so you don't miss the next one <3
0:00 Intro\n1:24 The idea\n4:07 It goes wrong\n7:55 The result
Business: hello@example.com\nMusic: "{song}" by {band}
Filmed {in_place}. No otters were harmed.
[us/first]
Avery; June; Delia; Rowan; Casper; Willa; Nell; Harlan; Marisol; Desmond; Tessa; Emmett; Lupe; Beckett; Odette
[us/last]
Brackett; Quill; Larkspur; Castellan; Fairweather; Okonjo; Delacruz; Vandermeer; Tolliver; Ashgrove; Pettibone; Ybarra; Stillwater
[us/city]
Boise; Duluth; Tulsa; Savannah; Spokane; Akron; El Paso; Omaha; Fresno; Toledo; Mobile; Dayton
[us/in_place]
in Alaska; in Death Valley; on Route 66; in an Empty Mall; in Montana; at the Grand Canyon; in New Orleans; on the Jersey Shore; in Rural Iowa; in the Everglades
[us/17]
{city} vs {city} | Full Game Highlights
{city} at {city} | Week {1-18} Highlights
Top {5-20} Plays of the Week 🏀
{city} Walks It Off in the {9-14}th!
{last}'s {31-58}-Point Night in {city} 🔥
The Wildest Final {2-5} Minutes of the Season
Rookie Mic'd Up: “Coach, I'm Open!”
{city} 5K: A {62-94}-Year-Old Sets the Record
[us/channel/17]
{city} Sports Desk; Courtside {city}; Big League {city}; {last} on Sports; Bleachers & {last}
[gb/first]
Imogen; Alfie; Poppy; Rhys; Niamh; Callum; Beatrix; Osian; Freya; Barnaby; Isla; Tamsin; Kit; Ffion
[gb/last]
Thistlewood; Hollis; Winslow; Underhill; Pemberley; MacAllan; Osgood; Trevanion; Greaves; Applegarth; Llewelyn-Jones; Adeyemi; Birtwhistle
[gb/city]
Norwich; Hull; Swansea; Carlisle; Dundee; Exeter; Lincoln; Preston; Truro; Wrexham; Paisley; Whitby
[gb/in_place]
in the Highlands; in Cornwall; on a Narrowboat; at Blackpool Pier; in Wales; in the Lake District; on the Night Bus; in Sheffield; at a Village Fête; in Belfast
[gb/17]
{city} {0-4}-{0-4} {city} | Highlights
{city} v {city}: Extended Highlights
Last-Minute Winner in {city}!! 😱
Every Goal from Round {3-38}
{last} Hits {101-187} Not Out in {city} 🏏
Non-League Magic: {city} Stun {city} on Penalties
"We Go Again": {last} After the Derby
Darts Final: {last} v {last}, Full Match
[gb/channel/17]
{city} Terrace; Match Day {city}; The {last} Half-Time Show; Touchline {city}; {first} on Football
[gb/26]
{food} in {5-30} Minutes (No Oven!)
Proper {food}, the Way Nan Made It
{2-9} Mistakes Everyone Makes with {food}
How to Tidy a {room} for Under £{20-90}
I Sewed a {garment} from Old Curtains
{room} Makeover on a Budget ✨
[world/first]
Mirela; Teo; Kasimir; Anaïs; Luca; Sanna; Noor; Ilja; Chiara; Tomé; Amara; Søren; Zoë
[world/last]
Vane; Hartwell; Dane; Moreau; Silvestri; Okoye; Lindqvist; Duarte; Kovář; Nakagawa; Żurek; Øverland; Marchetti
[world/city]
Lisbon; Osaka; Nairobi; Lima; Reykjavík; Marseille; Porto; Busan; Montréal; Valparaíso
[world/in_place]
in Tokyo; on a Desert Island; in Antarctica; in the Sahara; on the Amazon; in Iceland; in a Ghost Town; in Patagonia; at 8,000 Metres; in São Paulo
[world/17]
{city} vs {city} | World Series Highlights
World Record? {last} Clears {5-6}.{10-29} m!
{city} Grand Final: The Decisive {2-9} Minutes
100 m Final in {city}, Unreal Finish ⚡
{last} Lands the First Backflip {in_place}
{first} {last}: The Perfect Routine
[world/channel/17]
World of {last}; Finish Line {city}; Global Athletics {city}; {last} Extreme

[pl/first]
Zuzanna; Kacper; Łucja; Bartłomiej; Żaneta; Szymon; Gabriela; Wojtek; Hania; Miłosz; Jagoda; Radek; Bożena; Ignacy
[pl/last]
Wrzosek; Gąsior; Łuczak; Mróz; Sowa; Jeż; Dąbek; Źrebiec; Ćwiek; Pąk; Śliwa; Kłos; Żuraw
[pl/city]
Gdańsk; Poznań; Łódź; Białystok; Rzeszów; Toruń; Kielce; Opole; Zielona Góra; Płock; Bielsko-Biała; Częstochowa
[pl/in_city]
w Gdańsku; w Poznaniu; w Łodzi; w Białymstoku; w Rzeszowie; w Toruniu; w Kielcach; w Opolu; w Płocku
[pl/in_place]
w Bieszczadach; nad Bałtykiem; na Mazurach; w opuszczonym hotelu; w Tatrach; na Śląsku; w nocnym pociągu; w Krakowie; na wsi pod Łomżą; w Zakopanem
[pl/film]
Ostatni latarnik; Cisza nad rzeką; Zegarmistrz z Łodzi; Drugie lato; Pożyczony dom; Żuraw; Śnieg w maju; Sąsiadka spod ósemki; Mgła; Przystanek Świt; Złota łódka; Noc kartografów
[pl/1]
{film} | Oficjalny zwiastun
{film} – zwiastun PL (HD)
„{film}” – kulisy powstawania filmu
{film} | Film krótkometrażowy
{film} – finałowy zwiastun 🎬
Jak {5-9} osób narysowało „{film}”
[pl/channel/1]
Studio {last}; Kino {bnoun}; Animacje {first}; {last} Film; Latarnia Pictures
[pl/car]
stare kombi; kamper z lat 80.; elektryk; zardzewiały pickup; kabriolet; wóz strażacki; trabant sąsiada; ciągnik dziadka
[pl/2]
Najtańszy samochód {in_city}. Czy dojedzie do domu?
Test zimowy: {car} ❄️
{car} po {300-900} tysiącach kilometrów
Wyścig: {car} kontra {car}
Renowacja ze stodoły, cz. {1-12}: {car}
[pl/song]
{s_one} {s_two}
{s_one} {s_two}
{s_one} {s_two}
{phrase}
[pl/phrase]
Do rana; Bez ciebie nie; Ostatni tramwaj; Późno już; Żółty parasol; Niedziela; Jeszcze chwilę; Na pamięć; Wszystko jedno; Dobranoc, miasto
[pl/s_one]
Cień; Światło; Zapach; Koniec; Smak; Echo; Początek; Kolor; Ślad
[pl/s_two]
lata; deszczu; miasta; jutra; ciszy; maja; północy; wakacji; śniegu; łąki
[pl/badj]
Ciche; Żółte; Nocne; Papierowe; Ostatnie; Leniwe; Dzikie; Spóźnione
[pl/bnoun]
Parasole; Tramwaje; Latarnie; Wyspy; Bociany; Gołębie; Schody; Źródła
[pl/band]
{badj} {bnoun}
[pl/channel/10]
{person}
{badj} {bnoun}
{badj} {bnoun}
[pl/10]
{channel} – {song} (Official Video)
{channel} - {song} [Official Audio]
{channel} ft. {band} – {song}
{channel} – {song} (na żywo {in_city})
{channel} – {song} (tekst)
{channel} & {person} – {song} (Prod. {gamer})
{channel} - {song} | akustycznie 🎸
[pl/pet]
gadatliwy husky; trójnogi kot; mała kózka; obrażona papuga; szczeniak corgi; jeżyk; stary beagle; alpaka Bożena
[pl/15]
Pierwszy śnieg w życiu: {pet} ❄️
{pet} kontra robot sprzątający 😂
Nikt go nie chciał <3 Historia z finałem: {pet}
{pet} ma zdanie na temat śniadania
{pet} i {pet}: przyjaźń na zawsze 🐾
[pl/channel/15]
Dom Zwierzaków {city}; Łapa {last}; Psia Chata {city}; Ferma {last}
[pl/17]
{city} – {city} {0-4}:{0-4} | Skrót meczu
{city} – {city} | Wszystkie bramki, {2-34}. kolejka
Gol w 90+{2-9}. minucie {in_city}! 😱
{last}: „Tego meczu nie da się wytłumaczyć”
Siatkówka: {city} – {city} 3:{0-2} | Najlepsze akcje
Rekord skoczni! {last} ląduje na {138-153} metrze
Żużel {in_city}: wyścig sezonu 🔥
[pl/channel/17]
Strefa Kibica {city}; {city} na Sportowo; Trybuna {last}; Z Boiska: {city}; Sportowy {city}
[pl/19]
48 godzin {in_place}: tylko ukryte perełki
Nocnym pociągiem przez całą Polskę
Czy warto jechać zimą {in_city}? Szczerze
Przeszedłem {100-900} km z plecakiem | dzień {2-30}.
Tanie jedzenie {in_city} – ile naprawdę kosztuje?
[pl/20]
{game}, ale co {5-9} minut jest trudniej
Przetrwałem 100 dni w {game}
{game} – zepsuliśmy grę 😂
{game}, odc. {2-80}: budujemy zamek
{game} sezon {2-14} – wszystkie nowości
Czy da się przejść {game} bez skakania?
{game} #{2-60} – „to miało być łatwe” ¯\_(ツ)_/¯
{channel} wraca do {game}!
[pl/job]
piekarz; pielęgniarz; maszynista; pszczelarz; kwiaciarz; hydraulik; leśniczy; barista
[pl/22]
Vlog {11-300}: mój poranek ({job})
{job} mówi wprost: zarobki, grafik, plecy
{5-15} pytań do mamy
Co jem w ciągu dnia {in_city}
Kończymy remont! Łazienka za {5-19} tysięcy zł
Wyprowadziliśmy się z miasta. Rok później…
Tydzień z mojego życia ({job} na nocnej zmianie)
Będziemy mieli dziecko!! <3 ({5-38}. tydzień)
Szczerze: dlaczego mnie nie było {5-9} miesięcy
{5-30} dni mówienia „tak” na wszystko
Zamieszkaliśmy {in_city} – dzień {2-30}.
Dzień z życia: {job} po godzinach
[pl/channel/other]
{person}
{person}
{first} i {first}
Codziennie {last}
Po prostu {first}
[pl/23]
Kiedy babcia odkrywa wideorozmowy
Gdyby każdy {job} mówił prawdę
{job} i {job} jadą na wakacje | skecz
„Ma pan paragon?” | skecz
Typowy urząd {in_city} 🤣
Wujek na weselu, część {2-12}.
POV: jedyny {job} {in_place} ¯\_(ツ)_/¯
[pl/channel/23]
Kabaret {bnoun}; Kabaret {badj} Skarpety; {last} & {last}; Śmiech {city}; {person}
[pl/hours]
24 godziny; 48 godzin; 72 godziny; 100 godzin; całą noc
[pl/spot]
basen; namiot; windę; saunę; szklarnię; budkę telefoniczną; karuzelę
[pl/thing]
łódkę; domek na drzewie; zamek; rower; most; fotel; karuzelę
[pl/material]
kartonu; klocków; lodu; starych opon; 10 000 korków; makaronu; folii bąbelkowej
[pl/foods]
pierogi; zapiekanki; oscypki; pączki; naleśniki; drożdżówki; żurki; racuchy
[pl/24]
Spędziliśmy {hours} {in_place}
Kto ostatni opuści {spot}, wygrywa!
Sprawdzamy wszystkie {foods} {in_city}
Zbudowaliśmy {thing} z {material}
Wielki test: {foods} za 5 zł kontra {foods} za 500 zł
„Tego się nie spodziewałem!” 😱 {channel}: pytania i odpowiedzi
Gramy w chowanego {in_place} 👀
{5-9} nieznajomych, jeden namiot: kto odpadnie pierwszy?
Mama nie wiedziała, że zbudowaliśmy jej {thing} 😭
[pl/channel/24]
{person}
{first} i {first}
Ekipa {last}
{first} Próbuje
Prawie {last}
[pl/25]
Burza nad wybrzeżem: co wiemy do tej pory
Dlaczego chleb znowu drożeje? Wyjaśniamy
{city}: mieszkańcy zdecydowali o nowym moście
Opóźnienia pociągów {in_city}. „Nikt nic nie mówił”
Ratownicy dotarli do turystów {in_place}
Fakty wieczorne, wydanie {100-360}
{city} bez prądu: kiedy wróci zasilanie?
Śnieżyca {in_city}: zamknięte szkoły
[pl/channel/25]
{city} Dziś; Wiadomości {city}; {city} Teraz; Kurier {city}; Dziennik {last}
[pl/quick]
10; 15; 20; 25; 30; 45
[pl/26]
{foods} w {quick} minut (bez piekarnika!)
{foods} jak u babci – jedyny przepis
{5-9} błędów, które psują {foods}
Jak urządzić małą kuchnię za {5-9} tysięcy zł
Uszyłam płaszcz ze starych zasłon
Chrupiące {foods}? Kucharz zdradza sekret ✨
[pl/channel/26]
Kuchnia {last}; {first} Gotuje; {first} Szyje; Warsztat {last}; {first} od Kuchni
[pl/27]
Dlaczego nocą niebo jest ciemne?
Dziwna historia {histobj}
Ułamki wreszcie wyjaśnione w {5-20} minut
Skąd {animals} znają drogę do domu?
Matura z matematyki: zadanie {2-34} krok po kroku
Zagadka, którą rozwiązuje {5-9} osób na 100
[pl/histobj]
parasola; klamki; znaczka pocztowego; windy; puszki; zamka błyskawicznego; ołówka; taczki
[pl/animals]
gołębie; węgorze; pszczoły; bociany; nietoperze; żółwie
[pl/gadget]
balon meteo; składak; teleskop z rur; piec słoneczny; drewniany komputer; robot ogrodnik
[pl/28]
{gadget} po {5-12} miesiącach: cała prawda
{gadget} ze złomu, cz. {1-9}
Wysłaliśmy pączka w stratosferę 🚀
Najcichszy pokój w Polsce
Czy {gadget} przetrwa zimę {in_place}?
Fizyka w kuchni: {foods}
[pl/tag]
polska; po polsku; śmieszne; wyzwanie; nowość; odcinek; poradnik; rodzina; recenzja; najlepsze momenty; jak zrobić
[pl/description]
Nowy film co tydzień. Dzięki, że jesteście!\n\nWięcej: https://example.com/czesc\n#nowość #polska
{channel} wraca.\nZasubskrybuj, żeby nie przegapić kolejnego odcinka <3
0:00 Wstęp\n1:12 Pomysł\n5:40 Coś poszło nie tak\n9:03 Finał
Kontakt: hej@example.com\nMuzyka: „{song}”, {band}
Zdjęcia: {person}. Montaż: {person}.

[nl/first]
Sanne; Joost; Fleur; Thijs; Noortje; Daan; Lieke; Wout; Maaike; Sjoerd; Roos; Jelle; Ilse; Teun
[nl/last]
van der Linde; Bakhuis; de Wilde; Kuipershoek; van Zandvoort; Hoekwater; Dijkgraaf; Vogelpoel; ter Beek; Zonneveld; Appelboom; Meeuwsen
[nl/city]
Zwolle; Breda; Leeuwarden; Apeldoorn; Venlo; Dordrecht; Almelo; Gouda; Hoorn; Assen; Middelburg; Deventer
[nl/in_place]
op Texel; in de Achterhoek; op de Veluwe; in Utrecht; op een woonboot; in een verlaten hotel; in Groningen; aan zee; in de nachttrein; in Zeeland
[nl/film]
De laatste veerman; Stilte aan de dijk; Het tweede eiland; De klokkenmaker; Meeuwen; Zomer in Zeeland; De overburen; Mist; IJsvrij; Huis met de rode deur
[nl/1]
{film} | Officiële trailer
{film} – teaser (HD)
Achter de schermen van ‘{film}’
{film} | Korte film
{film} – laatste trailer 🎬
Hoe {2-9} mensen ‘{film}’ tekenden
[nl/channel/1]
Studio {last}; {last} Film; Polder Pictures; Atelier {first}
[nl/car]
stationwagen; roestige pick-up; elektrische hatchback; oude camper; cabrio; brandweerwagen; bakfiets
[nl/2]
De goedkoopste auto van {city}: komt hij thuis?
Wintertest: {car} ❄️
{300-900}.000 kilometer met één {car}
Race: {car} tegen {car}
Schuurvondst opknappen, deel {1-12}: {car}
[nl/song]
{s_one} van {s_two}
{s_one} van {s_two}
{s_one} van {s_two}
{phrase}
[nl/phrase]
Blijf nog even; Laatste trein; Zonder jas; Tot morgen dan; Zondagmiddag; Nooit gezegd; Fiets naar huis; Twee straten verder
[nl/s_one]
De geur; Het licht; De smaak; De klank; Het einde; De kleur; Een beetje
[nl/s_two]
regen; morgen; de stad; de zomer; stilte; de zee; september; thuis
[nl/badj]
Stille; Late; Gele; Natte; Verre; Trage; Scheve
[nl/bnoun]
Fietsen; Treinen; Duinen; Reigers; Lantaarns; Klompen; Meeuwen; Bruggen
[nl/band]
De {badj} {bnoun}
[nl/channel/10]
{person}
De {badj} {bnoun}
De {badj} {bnoun}
[nl/10]
{channel} – {song} (Officiële video)
{channel} - {song} [Official Audio]
{channel} ft. {band} – {song}
{channel} – {song} (live in {city})
{channel} – {song} (lyrics)
{channel} & {person} - {song} 🎶
[nl/pet]
praatgrage husky; kat op drie poten; geitje; chagrijnige papegaai; corgipup; egeltje; oude beagle; verlegen alpaca
[nl/15]
Voor het eerst in de sneeuw: {pet} ❄️
{pet} tegen de robotstofzuiger 😂
Niemand wilde hem <3 ({pet} vindt een thuis)
Een {pet} met een mening over ontbijt
{pet} & {pet}: vrienden voor altijd 🐾
[nl/channel/15]
De Dieren van {first}; Asiel {city}; Poot & {last}; Boerderij {last}
[nl/17]
{city} - {city} {0-4}-{0-4} | Samenvatting
{city} - {city} | Alle goals van speelronde {2-34}
Winnende goal in blessuretijd in {city}!! 😱
{last}: ‘Dit is niet uit te leggen’
Schaatsen: {last} wint de {500-1500} meter
Veldrijden {city} – de beslissende ronde 🚴
Hockeyfinale {city} - {city}: shoot-outs
[nl/channel/17]
Tribune {city}; {city} Sport; Langs de Lijn van {last}; Voetbalpraat {city}; Sportclub {last}
[nl/19]
48 uur {in_place}: alleen verborgen parels
Met de nachttrein, zonder plan
Is {city} in de winter de moeite waard? Eerlijk
{100-900} kilometer wandelen | dag {2-30}
Goedkoop eten in {city} – wat kost het echt?
[nl/20]
{game}, maar elke {2-9} minuten wordt het moeilijker
100 dagen overleven in {game}
We hebben {game} gesloopt 😂
{game} #{2-80}: we bouwen een kasteel
{game} seizoen {2-14}: alles wat nieuw is
Kun je {game} uitspelen zonder te springen?
{game}: ‘dit zou makkelijk zijn’ ¯\_(ツ)_/¯
{channel} is terug in {game}!
[nl/job]
bakker; verpleegkundige; machinist; imker; bloemist; loodgieter; boswachter; barista
[nl/22]
Mijn ochtend als {job}
Eindelijk: de {room} is af!
We verhuizen! Weg uit de stad, en dan?
Een week mee met een {job} in {city}
We krijgen een baby!! <3
Eerlijk: waarom ik {2-9} maanden weg was
{2-30} dagen overal ‘ja’ op zeggen
Ik stopte als {job}. Eén jaar later…
[nl/room]
keuken; zolder; badkamer; schuur; logeerkamer; hal
[nl/channel/other]
{person}
{person}
{first} & {first}
Gewoon {first}
Familie {last}
[nl/23]
Als oma videobellen ontdekt
Als elke {job} eerlijk was
‘Heeft u het bonnetje nog?’ | sketch
Elke verjaardag in {city}, ooit 🎂
Elke {job}, altijd
Oom op de bruiloft, deel {2-12} 🤣
POV: je bent de enige {job} {in_place} ¯\_(ツ)_/¯
[nl/channel/23]
{last} & {last}; De {badj} Sokken; Grappig Bedoeld; {first} Doet Leuk; {person}
[nl/spot]
tent; lift; sauna; zwembadglijbaan; telefooncel; kas; bakfiets
[nl/thing]
kasteel; boomhut; boot; fiets; brug; achtbaan; vuurtoren
[nl/material]
karton; ijs; oude banden; 10.000 kurken; pasta; bubbeltjesplastic; wc-rollen
[nl/foods]
stroopwafels; oliebollen; pannenkoeken; kroketten; poffertjes; saucijzenbroodjes; tosti's
[nl/24]
{24-100} uur {in_place}
Wie het laatst uit de {spot} komt, wint!
Alle {foods} van {city} getest
Wij bouwden een {thing} van {material}
{foods} van €1 tegen {foods} van €100
‘Dit meen je niet’ 😱 Vragen aan {channel}
Verstoppertje {in_place} 👀
{2-9} vreemden in één {spot}: wie houdt het vol?
Ze wist niet dat wij een {thing} voor haar bouwden 😭
[nl/channel/24]
{person}
{first} & {first}
Team {last}
{first} Probeert
Bijna {last}
[nl/25]
Storm bereikt de kust: dit weten we nu
Waarom wordt brood weer duurder? Uitgelegd
{city} stemt over de nieuwe brug
Geen treinen rond {city}: ‘niemand zei iets’
Wandelaars gered bij {city}
Avondjournaal, editie {100-360}
Stroomstoring in {city}: wat we weten
Code oranje in {city} en omgeving
[nl/channel/25]
{city} Vandaag; Nieuws uit {city}; {city} Nu; Avondblad {city}; Omroep {last}
[nl/26]
{foods} in {15-45} minuten (zonder oven!)
{foods} zoals oma ze maakte
{2-9} fouten die iedereen met {foods} maakt
Kleine {room} inrichten voor €{90-400}
Een jas uit oude gordijnen ✂️
Knapperige {foods}? Een kok legt uit
[nl/channel/26]
Koken met {first}; De Keuken van {last}; {first} Maakt het Zelf; Werkplaats {last}
[nl/27]
Waarom is het ’s nachts donker?
De vreemde geschiedenis van {histobj}
Breuken eindelijk uitgelegd in {5-20} minuten
Hoe vinden {animals} de weg naar huis?
Wiskunde-examen: opgave {2-20} stap voor stap
De puzzel die {2-9} op de 100 mensen oplossen
[nl/histobj]
de paraplu; de deurklink; de postzegel; de roltrap; het blikje; de rits; het potlood; de kruiwagen
[nl/animals]
duiven; palingen; bijen; ooievaars; vleermuizen; zeeschildpadden
[nl/gadget]
weerballon; vouwfiets; zelfgebouwde telescoop; zonneoven; houten computer; tuinrobot
[nl/28]
Mijn {gadget} na {2-12} maanden: de waarheid
Een {gadget} van schroot, deel {1-9}
We stuurden een stroopwafel de ruimte in 🚀
De stilste kamer van Nederland
Overleeft een {gadget} de winter {in_place}?
De natuurkunde van {foods}
[nl/tag]
nederlands; grappig; uitdaging; nieuw; aflevering; uitleg; gezin; recensie; beste momenten; zelf maken
[nl/description]
Elke week een nieuwe video. Bedankt voor het kijken!\n\nMeer: https://example.com/hoi\n#nieuw
{channel} is terug.\nAbonneer je, dan mis je niets <3
0:00 Intro\n1:12 Het idee\n5:40 Het gaat mis\n9:03 Het resultaat
Zakelijk: hallo@example.com\nMuziek: ‘{song}’, {band}

[sv/first]
Ebba; Måns; Tuva; Hjalmar; Saga; Björn; Ylva; Åke; Signe; Östen; Majken; Vidar; Freja; Lovisa
[sv/last]
Åkerblom; Lindroth; Björkegren; Sjöö; Hedström; Näslund; Kvistberg; Östergård; Ahlmark; Rönnqvist; Strömfors; Ekvall
[sv/city]
Örebro; Norrköping; Umeå; Växjö; Gävle; Borås; Sundsvall; Västerås; Kalmar; Luleå; Falun; Skövde
[sv/in_place]
på Gotland; i Kiruna; i fjällen; i Göteborg; på Öland; i en övergiven skola; i Malmö; på nattåget; i en stuga utan el; i Åre
[sv/film]
Den sista fyrvaktaren; Tystnad över älven; Urmakaren; Andra sommaren; Måsarna; Snö i maj; Grannen på fyran; Dimma; Isvägen; Huset i Ödeby
[sv/1]
{film} | Officiell trailer
{film} – teaser (HD)
Bakom kulisserna: ”{film}”
{film} | Kortfilm
{film} – sista trailern 🎬
Så tecknade {2-9} personer ”{film}”
[sv/channel/1]
Studio {last}; {last} Film; Ateljé {first}; Norrsken Animation
[sv/car]
gammal kombi; rostig pickup; elbil; husbil från 80-talet; cabriolet; brandbil; epatraktor
[sv/2]
Sveriges billigaste bil: tar den oss till {city}?
Vintertest: {car} ❄️
{30-90} 000 mil med samma bil ({car})
Dragrace: {car} mot {car}
Ladufynd, del {1-12}: {car}
[sv/song]
{s_one} av {s_two}
{s_one} av {s_two}
{s_one} av {s_two}
{phrase}
[sv/phrase]
Stanna lite till; Sista bussen; Utan jacka; Tills imorgon; Söndag; Hem över bron; Två gator bort; Aldrig sagt
[sv/s_one]
Doften; Ljudet; Ekot; Smaken; Minnet; Färgen; Början
[sv/s_two]
regn; sommar; havet; tystnad; norrsken; maj; hemma; dig; snö
[sv/badj]
Tysta; Gula; Sena; Trötta; Blöta; Vilsna; Sneda
[sv/bnoun]
Lyktor; Måsar; Björkar; Älgar; Paraplyer; Bryggor; Spårvagnar
[sv/band]
{badj} {bnoun}
[sv/channel/10]
{person}
{person}
{badj} {bnoun}
{badj} {bnoun}
[sv/10]
{channel} – {song} (Officiell video)
{channel} - {song} [Official Audio]
{channel} ft. {band} – {song}
{channel} – {song} (live i {city})
{channel} – {song} (text)
{channel} & {person} - {song} 🎶
[sv/pet]
pratglad husky; trebent katt; killing; sur papegoja; corgivalp; igelkott; gammal beagle; blyg alpacka
[sv/15]
Första snön: {pet} ❄️
{pet} mot robotdammsugaren 😂
Ingen ville ha honom <3 ({pet} får ett hem)
En {pet} med åsikter om frukost
{pet} & {pet}: vänner för livet 🐾
[sv/channel/15]
{first} på Gården; Tass & {last}; Djurhemmet i {city}; {last}s Djur
[sv/17]
{city} – {city} {0-4}–{0-4} | Höjdpunkter
{city} – {city} | Alla mål, omgång {2-30}
Avgörande mål i slutsekunden i {city}!! 😱
{last}: ”Det går inte att förklara”
Ishockey: {city} – {city} efter straffar 🏒
Skidor: {last} vinner femmilen i {city}
Innebandyfinal {city} – {city}: sista minuten
[sv/channel/17]
Läktaren {city}; {city} Sport; Rinken med {last}; Sportsnack {city}; Målbur {city}
[sv/19]
48 timmar {in_place}: bara dolda pärlor
Nattåget norrut, utan plan
Är {city} värt en resa på vintern? Ärligt
Vandra {100-900} km | dag {2-30}
Billig mat i {city} – vad kostar det egentligen?
[sv/20]
{game}, men var {2-9}:e minut blir det svårare
100 dagar i {game}
Vi förstörde {game} 😂
{game} #{2-80}: vi bygger ett slott
{game} säsong {2-14}: allt nytt
Går det att klara {game} utan att hoppa?
{game}: ”det här skulle vara lätt” ¯\_(ツ)_/¯
{channel} är tillbaka i {game}!
[sv/job]
bagare; sjuksköterska; lokförare; biodlare; florist; rörmokare; skogvaktare; barista
[sv/22]
Min morgon som {job}
Äntligen: {room} är klart!
Vi lämnade stan. Ett år senare…
En vecka som {job} i {city}
Vi väntar barn!! <3
Ärligt: därför var jag borta i {2-9} månader
Säger ja till allt i {2-30} dagar
Jag sa upp mig som {job} och flyttade till {city}
[sv/room]
köket; vindsrummet; badrummet; uthuset; gästrummet; vardagsrummet
[sv/channel/other]
{person}
{person}
{first} & {first}
Bara {first}
Familjen {last}
[sv/23]
När mormor upptäcker videosamtal
Om alla var ärliga på jobbet: {job}
”Har du kvittot?” | sketch
Alla tvättstugor i {city} någonsin
Varje {job}, alltid
Farbror på bröllopet, del {2-12} 🤣
POV: du är enda {job} {in_place} ¯\_(ツ)_/¯
[sv/channel/23]
{last} & {last}; {badj} Strumpor; {first} Skojar; Humorlådan {city}; {person}
[sv/spot]
tältet; hissen; bastun; växthuset; telefonkiosken; badtunnan
[sv/thing]
slott; trädkoja; båt; bro; berg-och-dalbana; fyr
[sv/material]
kartong; is; gamla däck; 10 000 korkar; pasta; bubbelplast; wellpapp
[sv/foods]
kanelbullar; semlor; pannkakor; köttbullar; våfflor; smörgåstårtor; räkmackor
[sv/24]
{24-100} timmar {in_place}
Sist kvar i {spot} vinner!
Vi testar alla {foods} i {city}
{thing} av {material} – håller det?
{foods} för 10 kr mot {foods} för 1 000 kr
”Skojar du?” 😱 {channel} svarar på frågor
Kurragömma {in_place} 👀
{2-9} främlingar i {spot}: vem ger upp först?
Mamma visste ingenting 😭 ({thing} på {2-9} dagar)
[sv/channel/24]
{person}
{first} & {first}
Team {last}
{first} Testar
Nästan {last}
[sv/25]
Stormen når kusten: det här vet vi
Därför blir brödet dyrare igen – vi förklarar
{city} röstar om nya bron
Inställda tåg kring {city}: ”ingen sa något”
Vandrare räddade utanför {city}
Kvällsnytt, avsnitt {100-360}
Strömavbrott i {city}: det senaste
Snökaos i {city} ❄️
[sv/channel/25]
{city} Idag; Nyheter från {city}; {city} Nu; {city} Kvällstidning; Lokalnytt {city}
[sv/26]
{foods} på {15-45} minuter (utan ugn!)
{foods} som mormor gjorde dem
{2-9} misstag alla gör med {foods}
Fräscha upp {room} för {500-900} kr
En kappa av gamla gardiner ✂️
Krispiga {foods}? En kock förklarar
[sv/channel/26]
Baka med {first}; {last}s Kök; {first} Syr; {last}s Verkstad
[sv/27]
Varför är natthimlen mörk?
{histobj}s märkliga historia
Bråk, äntligen förklarat på {5-20} minuter
Hur hittar {animals} hem?
Matteprovet: uppgift {2-20} steg för steg
Gåtan som {2-9} av 100 klarar
[sv/histobj]
Paraplyet; Dörrhandtaget; Frimärket; Blixtlåset; Pennan; Skottkärran; Konservburken; Rulltrappan
[sv/animals]
duvor; ålar; bin; storkar; fladdermöss; havssköldpaddor
[sv/gadget]
väderballong; hopfällbar cykel; hemmabyggt teleskop; solugn; dator av trä; trädgårdsrobot
[sv/28]
{gadget} efter {2-12} månader: sanningen
{gadget} av skrot, del {1-9}
Vi skickade en kanelbulle till rymden 🚀
Sveriges tystaste rum
Vinter {in_place}: {gadget} på prov
Fysiken bakom {foods}
[sv/tag]
svenska; sverige; roligt; utmaning; nytt; avsnitt; förklarat; familj; recension; bästa ögonblick; gör det själv
[sv/description]
Ny video varje vecka. Tack för att ni tittar!\n\nMer: https://example.com/hej\n#nytt #sverige
{channel} är tillbaka.\nPrenumerera så missar du inget <3
0:00 Intro\n1:12 Idén\n5:40 Det går fel\n9:03 Resultatet
Kontakt: hej@example.com\nMusik: ”{song}”, {band}

[no/first]
Ingrid; Sondre; Tiril; Håkon; Åse; Øyvind; Solveig; Bjørnar; Synne; Eirik; Ragnhild; Torstein; Maren; Jøran
[no/last]
Fjellstad; Bjørkås; Øvrebø; Sørvåg; Kvamsdal; Nesbakk; Lyngheim; Hågensen; Tveitmo; Ådland; Skogvik; Rødseth
[no/city]
Tromsø; Ålesund; Bodø; Hønefoss; Kristiansund; Lillehammer; Sarpsborg; Gjøvik; Haugesund; Molde; Førde; Hammerfest
[no/in_place]
på Svalbard; i Lofoten; på Hardangervidda; i Bergen; på hytta; i en forlatt fabrikk; i Finnmark; på nattoget; i Oslo; på Sørlandet
[no/film]
Den siste fyrvokteren; Stillhet over fjorden; Urmakeren; Den andre sommeren; Måkene; Snø i mai; Naboen i fjerde; Tåke; Isveien; Huset på Øya
[no/1]
{film} | Offisiell trailer
{film} – teaser (HD)
Bak kulissene: «{film}»
{film} | Kortfilm
{film} – siste trailer 🎬
Slik tegnet {2-9} personer «{film}»
[no/channel/1]
Studio {last}; {last} Film; Nordlys Animasjon; {first} Tegner
[no/car]
gammel stasjonsvogn; rusten pickup; elbil; bobil fra 80-tallet; kabriolet; brannbil; moped
[no/2]
Norges billigste bil: kommer vi til {city}?
Vintertest: {car} ❄️
{300-900} 000 kilometer med samme bil ({car})
Dragrace: {car} mot {car}
Låvefunn, del {1-12}: {car}
[no/song]
{s_one} av {s_two}
{s_one} av {s_two}
{s_one} av {s_two}
{phrase}
[no/phrase]
Bli litt til; Siste bussen; Uten jakke; Til i morgen; Søndag; Hjem over brua; To gater unna; Aldri sagt
[no/s_one]
Duften; Lyden; Ekkoet; Smaken; Minnet; Fargen; Begynnelsen
[no/s_two]
regn; sommer; havet; stillhet; nordlys; mai; hjem; deg; snø
[no/badj]
Stille; Gule; Sene; Trøtte; Våte; Ville; Skjeve
[no/bnoun]
Måker; Fjorder; Paraplyer; Lykter; Elger; Trikker; Brygger
[no/band]
{badj} {bnoun}
[no/channel/10]
{person}
{person}
{badj} {bnoun}
{badj} {bnoun}
[no/10]
{channel} – {song} (Offisiell video)
{channel} - {song} [Official Audio]
{channel} ft. {band} – {song}
{channel} – {song} (live i {city})
{channel} – {song} (tekst)
{channel} & {person} - {song} 🎶
[no/pet]
pratsom husky; trebeint katt; geitekilling; sur papegøye; corgivalp; pinnsvin; gammel beagle; sjenert alpakka
[no/15]
Første snø: {pet} ❄️
{pet} mot robotstøvsugeren 😂
Ingen ville ha ham <3 ({pet} får et hjem)
{pet} har meninger om frokost
{pet} & {pet}: venner for livet 🐾
[no/channel/15]
{first} på Gården; Pote & {last}; Dyrehjelpen i {city}; Dyrene til {first}
[no/17]
{city} – {city} {0-4}–{0-4} | Høydepunkter
{city} – {city} | Alle mål, runde {2-30}
Vinnermål på overtid i {city}!! 😱
{last}: «Dette kan ikke forklares»
Langrenn: {last} vinner femmila i {city} ⛷️
Håndball: {city} – {city}, det siste minuttet
Hopp: {last} lander på {130-148} meter
[no/channel/17]
Tribunen {city}; {city} Sport; Løypa med {last}; Sportsprat {city}; Målgang {city}
[no/19]
48 timer {in_place}: bare skjulte perler
Nattoget nordover, uten plan
Er {city} verdt turen om vinteren? Ærlig svar
På tur i {100-900} km | dag {2-30}
Billig mat i {city} – hva koster det egentlig?
[no/20]
{game}, men hvert {2-9}. minutt blir det vanskeligere
100 dager i {game}
Vi ødela {game} 😂
{game} #{2-80}: vi bygger et slott
{game} sesong {2-14}: alt nytt
Kan man klare {game} uten å hoppe?
{game}: «dette skulle være lett» ¯\_(ツ)_/¯
{channel} er tilbake i {game}!
[no/job]
baker; sykepleier; lokfører; birøkter; blomsterdekoratør; rørlegger; fjelloppsyn; barista
[no/22]
Min morgen som {job}
Endelig: {room} er ferdig!
Vi flyttet fra byen. Ett år senere…
En uke som {job} i {city}
Vi venter barn!! <3
Ærlig: derfor var jeg borte i {2-9} måneder
Sier ja til alt i {2-30} dager
Jeg sluttet som {job} og flyttet til {city}
[no/room]
kjøkkenet; loftet; badet; uthuset; gjesterommet; stua
[no/channel/other]
{person}
{person}
{first} & {first}
Bare {first}
Familien {last}
[no/23]
Når bestemor oppdager videosamtaler
Hvis alle var ærlige på jobb: {job}
«Har du kvittering?» | sketsj
Alle borettslag i {city}, alltid
Hver {job}, alltid
Onkel i bryllupet, del {2-12} 🤣
POV: du er eneste {job} {in_place} ¯\_(ツ)_/¯
[no/channel/23]
{last} & {last}; {badj} Sokker; {first} Tuller; Humorbua {city}; {person}
[no/spot]
teltet; heisen; badstua; drivhuset; telefonkiosken; badestampen
[no/thing]
slott; trehytte; båt; bro; berg-og-dal-bane; fyr
[no/material]
papp; is; gamle dekk; 10 000 korker; pasta; bobleplast; drivved
[no/foods]
skolebrød; vafler; kanelboller; pannekaker; kjøttkaker; fiskekaker; lefser
[no/24]
{24-100} timer {in_place}
Sist igjen i {spot} vinner!
Vi tester alle {foods} i {city}
{thing} av {material} – holder det?
{foods} til 10 kr mot {foods} til 1000 kr
«Tuller du?» 😱 {channel} svarer på spørsmål
Gjemsel {in_place} 👀
{2-9} fremmede i {spot}: hvem gir seg først?
Mamma visste ingenting 😭 ({thing} på {2-9} dager)
[no/channel/24]
{person}
{first} & {first}
Team {last}
{first} Prøver
Nesten {last}
[no/25]
Stormen når kysten: dette vet vi
Derfor blir brødet dyrere igjen – forklart
{city} stemmer over den nye brua
Innstilte tog rundt {city}: «ingen sa noe»
Turgåere reddet utenfor {city}
Kveldsnytt, utgave {100-360}
Strømbrudd i {city}: det siste
Snøkaos i {city} ❄️
[no/channel/25]
{city} i Dag; Nytt fra {city}; {city} Nå; {city} Kveldsavis; Lokalnytt {city}
[no/26]
{foods} på {15-45} minutter (uten ovn!)
{foods} slik bestemor lagde dem
{2-9} feil alle gjør med {foods}
Fiks {room} for {500-900} kr
En kåpe av gamle gardiner ✂️
Sprø {foods}? En kokk forklarer
Strikk en genser på {2-9} kvelder 🧶
[no/channel/26]
Bak med {first}; Kjøkkenet til {first}; {first} Strikker; {last} Verksted
[no/27]
Hvorfor er nattehimmelen mørk?
Den rare historien om {histobj}
Brøk, endelig forklart på {5-20} minutter
Hvordan finner {animals} hjem?
Matteprøven: oppgave {2-20} steg for steg
Gåten som {2-9} av 100 klarer
[no/histobj]
paraplyen; dørhåndtaket; frimerket; glidelåsen; blyanten; trillebåra; hermetikkboksen; rulletrappa
[no/animals]
duer; åler; bier; storker; flaggermus; havskilpadder
[no/gadget]
værballong; sammenleggbar sykkel; hjemmelaget teleskop; solovn; datamaskin av tre; hagerobot
[no/28]
{gadget} etter {2-12} måneder: sannheten
{gadget} av skrap, del {1-9}
Vi sendte et skolebrød til verdensrommet 🚀
Norges stilleste rom
Vinter {in_place}: {gadget} på prøve
Fysikken bak {foods}
[no/tag]
norsk; norge; morsomt; utfordring; nytt; episode; forklart; familie; anmeldelse; beste øyeblikk; gjør det selv
[no/description]
Ny video hver uke. Takk for at dere ser på!\n\nMer: https://example.com/hei\n#nytt #norge
{channel} er tilbake.\nAbonner, så går du ikke glipp av noe <3
0:00 Intro\n1:12 Ideen\n5:40 Det går galt\n9:03 Resultatet
Kontakt: hei@example.com\nMusikk: «{song}», {band}

[de/first]
Leopold; Resi; Valentin; Magdalena; Xaver; Franziska; Jörg; Ulli; Gretl; Lorenz; Hannah; Käthe; Matthäus; Vroni
[de/last]
Grünbichler; Hölzl; Moosbrugger; Zirngast; Brandstätter; Öller; Kaltenegger; Süßmayr; Wieshofer; Trübswasser; Pfandl; Rössler
[de/city]
Graz; Linz; Wels; Steyr; Bregenz; Villach; Dornbirn; Krems; Leoben; Mödling; Wörgl; Güssing
[de/in_place]
am Wörthersee; im Mühlviertel; auf der Alm; in Wien; im Nachtzug; in Tirol; in einem verlassenen Hotel; am Großglockner; im Burgenland; in Salzburg
[de/film]
Der letzte Fährmann; Stille über der Donau; Der Uhrmacher; Zweiter Sommer; Föhn; Schnee im Mai; Die Nachbarin von Tür 8; Nebel; Gipfelbuch; Das Haus am Güterweg
[de/1]
{film} | Offizieller Trailer
{film} – Teaser (HD)
Hinter den Kulissen: „{film}“
{film} | Kurzfilm
{film} – letzter Trailer 🎬
Wie {2-9} Leute „{film}“ gezeichnet haben
[de/channel/1]
Studio {last}; {last} Film; Lichtspiel {city}; Trickfilm {first}
[de/car]
alter Kombi; rostiger Pick-up; Elektroauto; Wohnmobil aus den 80ern; Cabrio; Feuerwehrauto; Opas Traktor
[de/2]
Das billigste Auto in {city}: Kommen wir heim?
Wintertest: {car} ❄️
{300-900}.000 Kilometer: {car} im Dauertest
Rennen: {car} gegen {car}
Scheunenfund, Teil {1-12}: {car}
[de/song]
{s_one} von {s_two}
{s_one} von {s_two}
{s_one} von {s_two}
{phrase}
[de/phrase]
Bleib noch ein bisschen; Letzte Bim; Ohne Jacke; Bis morgen früh; Sonntag; Zwei Gassen weiter; Nie gesagt; Heimweg über die Brücke
[de/s_one]
Der Duft; Das Echo; Der Klang; Die Farbe; Der Geschmack; Ein Hauch
[de/s_two]
Regen; Sommer; Stille; Schnee; Asphalt; Mitternacht; daheim; übermorgen
[de/badj]
Stillen; Gelben; Späten; Müden; Schrägen; Blauen; Grantigen
[de/bnoun]
Laternen; Regenschirme; Straßenbahnen; Dohlen; Gartenzwerge; Gipfel; Knödel
[de/band]
Die {badj} {bnoun}
[de/channel/10]
{person}
Die {badj} {bnoun}
Die {badj} {bnoun}
[de/10]
{channel} – {song} (Offizielles Video)
{channel} - {song} [Official Audio]
{channel} feat. {band} – {song}
{channel} – {song} (live in {city})
{channel} – {song} (Text)
{channel} & {person} - {song} 🎶
[de/pet]
gesprächiger Husky; dreibeinige Katze; Zicklein; grantiger Papagei; Corgi-Welpe; Igel; alter Beagle; schüchternes Alpaka
[de/15]
Zum ersten Mal im Schnee: {pet} ❄️
{pet} gegen Staubsaugerroboter 😂
Niemand wollte ihn haben <3 ({pet} findet ein Zuhause)
Meinungen zum Frühstück: {pet}
{pet} & {pet}: Freunde fürs Leben 🐾
[de/channel/15]
{first} am Hof; Pfote & {last}; Tierheim {city}; Gnadenhof {last}
[de/17]
{city} – {city} {0-4}:{0-4} | Highlights
{city} – {city} | Alle Tore der {2-32}. Runde
Siegestor in der Nachspielzeit in {city}!! 😱
{last}: „Das kann man nicht erklären“
Abfahrt: {last} siegt mit {2-9} Hundertstel Vorsprung ⛷️
Eishockey: {city} – {city} nach Penaltyschießen
Skispringen: {last} landet bei {130-148} Metern
[de/channel/17]
Tribüne {city}; {city} Sport; Pistengespräch mit {last}; Fankurve {city}; Anpfiff {city}
[de/19]
48 Stunden {in_place}: nur Geheimtipps
Mit dem Nachtzug ohne Plan
Lohnt sich {city} im Winter? Ganz ehrlich
{100-900} km zu Fuß | Tag {2-30}
Günstig essen in {city} – was kostet das wirklich?
Die schönste Hütte {in_place}? 🏔️
Weitwandern {in_place}: Etappe {2-30}
[de/20]
{game}, aber alle {2-9} Minuten wird’s schwerer
100 Tage in {game} überlebt
Wir haben {game} kaputt gemacht 😂
{game} #{2-80}: Wir bauen eine Burg
{game} Season {2-14}: alles Neue
Schafft man {game} ohne Springen?
{game}: „Das wird leicht“ ¯\_(ツ)_/¯
{channel} ist zurück in {game}!
[de/job]
Bäcker; Pfleger; Lokführer; Imker; Florist; Installateur; Förster; Barista
[de/22]
Mein Morgen als {job}
Endlich: {room} ist fertig!
Wir sind aufs Land gezogen. Ein Jahr später…
Eine Woche als {job} in {city}
Wir bekommen ein Baby!! <3
Ehrlich: Warum ich {2-9} Monate weg war
{2-30} Tage lang zu allem Ja sagen
Job als {job} gekündigt: ab nach {city}!
[de/room]
die Küche; der Dachboden; das Bad; der Schuppen; das Gästezimmer; die Stube
[de/channel/other]
{person}
{person}
{first} & {first}
Einfach {first}
Familie {last}
[de/23]
Wenn die Oma Videotelefonie entdeckt
Wenn alle ehrlich wären: {job}
„Haben S’ die Rechnung noch?“ | Sketch
Jedes Amt in {city}, immer
Jeder {job}, immer
Der Onkel auf der Hochzeit, Teil {2-12} 🤣
POV: Du bist der einzige {job} {in_place} ¯\_(ツ)_/¯
[de/channel/23]
{last} & {last}; Kabarett {badj} Socken; {first} Blödelt; Schmähbude {city}; {person}
[de/spot]
Zelt; Lift; Sauna; Glashaus; Telefonzelle; Gondel
[de/thing]
Burg; Baumhaus; Boot; Brücke; Achterbahn; Leuchtturm
[de/material]
Karton; Eis; alten Reifen; 10.000 Korken; Nudeln; Luftpolsterfolie
[de/foods]
Krapfen; Kaiserschmarren; Marillenknödel; Topfenstrudel; Käsespätzle; Palatschinken; Schnitzelsemmeln
[de/24]
{24-100} Stunden {in_place}
{spot}-Challenge: Wer als Letzter geht, gewinnt!
Wir testen {foods} in ganz {city}
{thing} aus {material} – hält das?
{foods} um 1 € gegen {foods} um 100 €
„Das ist nicht euer Ernst“ 😱 Fragen an {channel}
Verstecken spielen {in_place} 👀
{2-9} Fremde, {24-72} Stunden: Wer gibt zuerst auf?
Die Mama hat nichts geahnt 😭 ({thing} in {2-9} Tagen)
[de/channel/24]
{person}
{first} & {first}
Team {last}
{first} Probiert’s
Fast {last}
[de/25]
Unwetter im Süden: was wir bisher wissen
Warum wird Brot wieder teurer? Einfach erklärt
{city} stimmt über die neue Brücke ab
Zugausfälle rund um {city}: „Niemand hat was gesagt“
Wanderer bei {city} gerettet
Abendnachrichten, Ausgabe {100-360}
Stromausfall in {city}: der letzte Stand
Lawinenwarnung: Stufe {3-4} rund um {city}
[de/channel/25]
{city} Heute; Nachrichten aus {city}; {city} Aktuell; Kurier {last}; Bote von {city}
[de/26]
{foods} in {15-45} Minuten (ohne Ofen!)
{foods} wie von der Oma
{2-9} Fehler, die alle bei {foods} machen
Einrichten um {90-400} €: {room} wird neu
Ein Mantel aus alten Vorhängen ✂️
{foods} richtig flaumig? Ein Koch erklärt’s
[de/channel/26]
Kochen mit {first}; Küche {last}; {first} Näht; Werkstatt {last}
[de/27]
Warum ist der Nachthimmel dunkel?
Die seltsame Geschichte {histobj}
Brüche, endlich erklärt in {5-20} Minuten
Wie finden {animals} nach Hause?
Mathe-Matura: Aufgabe {2-24} Schritt für Schritt
Das Rätsel, das {2-9} von 100 lösen
[de/histobj]
des Regenschirms; der Türschnalle; der Briefmarke; der Rolltreppe; der Konservendose; des Bleistifts; der Scheibtruhe
[de/animals]
Tauben; Aale; Bienen; Störche; Fledermäuse; Meeresschildkröten
[de/gadget]
Wetterballon; Klapprad; Teleskop Marke Eigenbau; Solarofen; Computer aus Holz; Gartenroboter
[de/28]
{gadget} nach {2-12} Monaten: die Wahrheit
{gadget} aus Schrott, Teil {1-9}
Wir schicken einen Krapfen ins All 🚀
Der stillste Raum Österreichs
Winter {in_place}: {gadget} im Test
Die Physik hinter {foods}
[de/tag]
deutsch; österreich; lustig; challenge; neu; folge; erklärt; familie; test; beste momente; selber machen
[de/description]
Jede Woche ein neues Video. Danke fürs Zuschauen!\n\nMehr: https://example.com/servus\n#neu #österreich
{channel} ist zurück.\nAbonnieren und nichts verpassen <3
0:00 Intro\n1:12 Die Idee\n5:40 Es geht schief\n9:03 Das Ergebnis
Kontakt: hallo@example.com\nMusik: „{song}“, {band}

[es/first]
Lucía; Íñigo; Valentina; Joaquín; Begoña; Mateo; Ximena; Andrés
[es/last]
Ibarrola; Cienfuegos; Núñez del Río; Zubiri; Peñalver; Aldecoa; Quiñones
[es/song]
Otra {s_two}; Mil {s_two}s; Sin tu {s_two}; La última {s_two}; Mañana no; ¿Y si llueve?; Corazón de papel; Dos {s_two}s y un adiós
[es/s_two]
noche; luna; calle; mentira; ola; primavera
[es/city]
Oviedo; Rosario; Cádiz; Mérida; Cuenca; Arequipa; Logroño
[es/10]
{channel} – {song} (Video Oficial)
{channel} x {person} - {song} 🔥
{channel} - {song} (En Vivo)
{channel} – {song} [Letra]
[es/channel/10]
{person}
Los Faroles Tardíos; Las Mareas; Calle Ocho y Media; Ni Lunes Ni Martes
{first} y la Marea
[es/17]
{city} {0-4}-{0-4} {city} | RESUMEN
¡Gol agónico en {city}! 😱
{city} vs {city}: los mejores momentos
[es/channel/17]
Tribuna {city}; {city} Deportes; El Vestuario de {last}
[es/tag]
video oficial; nuevo; música; letra; estreno
[es/description]
{channel}, nuevo sencillo ya disponible.\n#estreno
[ko/10]
[MV] {channel} - {song}
{channel} '{song}' 뮤직비디오
{channel} – {song} (무대 직캠 4K)
{channel} '{song}' Dance Practice 안무 연습
[ko/song]
여름밤; 별빛 우산; 다시, 봄; 고양이 자리; 첫눈 (First Snow); 종이비행기; 새벽 두 시; 파란 기차; 비밀 정원; 오늘도 안녕
[ko/channel/10]
{ko_name}
{ko_group}
[ko/ko_name]
하늘바다; 윤슬; 나린; 다온; 가람; 라온제나
[ko/ko_group]
LUMI:NARY; 새벽다섯; MOON·PARADE; 초록우산단; ORBIT HOUR; 별의조각
[ko/24]
{2-9}시간 동안 {ko_spot}에서 버티기 챌린지 😱
{ko_spot}에서 숨바꼭질 (feat. 할머니)
세상에서 가장 조용한 {ko_spot} 브이로그
떡볶이 {2-9}단계 매운맛 도전! 🔥
[ko/ko_spot]
찜질방; 한옥; 편의점; 무인도; 도서관; 기차
[ko/channel/24]
오늘도 실험중; 하나둘셋 TV; 웃는 고구마; 주말의 다락방; 만두네 가족; 느린 여우
[ko/tag]
뮤직비디오; 신곡; 브이로그; 챌린지; mv
[ko/description]
{channel} 새 영상입니다. 구독과 좋아요 부탁드려요 <3\n#신곡
[ja/10]
{channel}「{song}」Official Music Video
{channel} - {song} / THE QUIET TAKE
【MV】{song} / {channel}
【歌ってみた】{song} covered by {channel}
{channel}「{song}」Live ver.
{channel} - {song} (Lyric Video)
[ja/song]
夜明けの傘; 春を待つ; 紙ひこうき; 青い電車; さよならの地図; 雨のち君; ひつじ雲; 夏のしっぽ; 午前三時の猫; 風鈴; 遠い灯台; 冬の自転車; ひとりごと; 三日月の橋; 青信号
[ja/channel/10]
月光カフェ; あまやどり; 星屑ラジオ; みなとまち楽団; 透明な手紙; ゆうぐれ商店街
[ja/20]
【{game}】{2-9}分ごとに難しくなる世界
【{game}】のんびり街づくり #{2-60}
【初見】{game}を最後までやる！
【{game}】100日間サバイバル生活
{game}、ジャンプ禁止でクリアできる？
[ja/channel/20]
たぬきゲーム部; ねむい狐; こたつ実況; 豆大福Games; まよなか工房; 三毛猫プレイ
[ja/tag]
新曲; mv; 実況; ゲーム; 音楽
[ja/description]
{channel}です。チャンネル登録よろしくお願いします！\n#新曲
[hi/10]
{song} – Official Video | {channel}
{song} (Lyrical) | {channel}
{channel}: {song} | नया गाना 🎵
[hi/song]
बारिश की रात; पहली चिट्ठी; चाँद का किनारा; धीरे धीरे; काग़ज़ की नाव; मेरा शहर; सपनों की रेल; फिर मिलेंगे
[hi/channel/10]
सुरमई; नीलकमल संगीत; Raag Junction; आवारा धुन; Saaz & Subah; मीठी तान
[hi/1]
{song} | Official Trailer | हिंदी
{song} – Teaser 🎬
{song} | पहली झलक
[hi/channel/1]
Chandni Talkies; नई रील; Banyan Tree Pictures; सावन फ़िल्म्स; Teen Patang Films
[hi/tag]
नया गाना; संगीत; trailer; hindi
[hi/description]
{channel} की नई पेशकश। देखने के लिए धन्यवाद!\n#नया
[ar/10]
{channel} - {song} (فيديو كليب رسمي)
{channel} – {song} | كلمات
{channel} - {song} [حصرياً]
[ar/song]
ليل المدينة; رسالة أخيرة; قمر تشرين; على مهلك; شبّاك قديم; موعد مع المطر; طريق البحر
[ar/channel/10]
فرقة نسمة; ليان الصافي; نور الياسمين; سامر العطّار; فرقة المرفأ
[ar/24]
تحدي {3-9} أيام بدون هاتف 😱
آخر من يخرج من الخيمة يفوز!
أكلنا من كل المطاعم الشعبية | الحلقة {2-30}
لعبنا الغميضة في فندق مهجور 👀
تحدي الطبخ: الحلقة {2-40}
[ar/channel/24]
يوميات هادي; شلّة المغامرين; بيت الضحك; عائلة مرح
[ar/tag]
جديد; حصري; كليب; تحدي
[ar/description]
فيديو جديد كل أسبوع من {channel}.\nلا تنسوا الاشتراك!
[he/10]
{channel} – {song} (קליפ רשמי)
{channel} - {song} (אודיו)
{channel} & {he_guest} - {song}
[he/song]
גשם ראשון; עוד לילה; רכבת אחרונה; חלון לים; מכתב קצר; שיר של בוקר
[he/he_guest]
להקת המטריות; תמר גלעדי־אור; אורי שחף
[he/channel/10]
להקת הצפון; נועה ים־סוף; רוח ערב; יובל שקדיה
[he/tag]
קליפ; שיר חדש; מוזיקה
[he/description]
השיר החדש של {channel}.\nתודה שצפיתם!
[zh/10]
{channel}【{song}】官方 MV
{channel} - {song}（動態歌詞）
{song} – {channel}｜現場版
[zh/song]
雨後的街; 紙飛機; 慢一點; 藍色列車; 最後一封信; 月亮巷; 夏天的尾巴
[zh/channel/10]
晚風樂團; 林小舟; 半夏; 海邊的燈; 白茶與貓
[zh/15]
流浪貓第一次看到雪 ❄️
柯基與掃地機器人大戰 😂 第{2-30}集
救了一隻小刺蝟，{3-9}天後…
我家鸚鵡對早餐很有意見
[zh/channel/15]
貓咪的午後; 小島動物日記; 毛孩子研究所; 慢慢養狗
[zh/tag]
貓; 寵物; 新歌; 音樂
[zh/description]
歡迎訂閱 {channel}！\n#日常
