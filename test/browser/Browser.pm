#
# Browser.pm
#		A headless Chromium, driven over a pair of pipes.
#
# Chromium speaks its DevTools protocol on file descriptors 3 (to it) and 4
# (from it): JSON messages, each ended by a zero byte. That needs no driver, no
# port and no module beyond Perl's own. What a test asks the page runs beside
# the page's scripts and is not bound by its Content-Security-Policy.
#
package Browser;

use strict;
use warnings;

use IO::Select;
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use POSIX ();
use Time::HiRes qw(time);

# A slow machine is no failure: only a browser that hangs is. Pages give up by
# themselves before.
use constant TIMEOUT => 900;

my $json = JSON::PP->new->utf8;

# The executable, or nothing.
sub executable
{
	for my $name (qw(chromium chromium-browser google-chrome))
	{
		for my $folder (split /:/, $ENV{PATH})
		{
			return "$folder/$name" if -x "$folder/$name";
		}
	}
	return;
}

# The scripts of the players under test (npm, test/players): hls.js, dash.js,
# shaka-player; nothing where they are not all to be had.
sub players
{
	my @scripts = map { ($ENV{WORK} // '') . "/players/node_modules/$_" } 'hls.js/dist/hls.min.js', 'dashjs/dist/modern/umd/dash.all.min.js',
	  'shaka-player/dist/shaka-player.compiled.js';

	return (grep { !-f } @scripts) ? () : @scripts;
}

# Why no player can be tried here; nothing where all can.
sub missing
{
	return 'there is no Chromium' if !executable();
	return 'there are no players' if !players();
	return;
}

# Starts a browser with an empty profile in a folder; it writes its log there.
# Dies if it does not come up.
sub start
{
	my ($class, $folder) = @_;
	my $program = executable() or die "there is no Chromium";

	pipe(my $its_in, my $out) or die "pipe: $!";
	pipe(my $in, my $its_out) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		eval { become($program, $folder, fileno $its_in, fileno $its_out) };
		print STDERR $@;
		POSIX::_exit(127);
	}
	close $its_in;
	close $its_out;
	binmode $_ for $in, $out;
	my $self = bless {
		pid => $pid,
		owner => $$,
		in => $in,
		out => $out,
		buffer => '',
		n => 0,
		events => []
	}, $class;
	$self->open_tab;
	return $self;
}

# In the child: the pipes at 3 and 4, the log, the program.
sub become
{
	my ($program, $folder, $in, $out) = @_;

	# out of the way of each other first
	my ($from, $to) = map { above_four($_) } $in, $out;
	POSIX::dup2($from, 3) && POSIX::dup2($to, 4) or die "dup2: $!";
	open STDOUT, '>', "$folder/browser.log" or die "$folder/browser.log: $!";
	open STDERR, '>&', \*STDOUT or die "dup: $!";
	local $ENV{HOME} = $folder;
	exec $program, qw(--headless --no-sandbox --disable-gpu --disable-quic
	  --disable-dev-shm-usage --no-first-run --disable-background-networking
	  --disable-component-update --disable-sync --hide-scrollbars
	  --force-color-profile=srgb --remote-debugging-pipe),
	  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
	  "--user-data-dir=$folder/profile", 'about:blank';
	die "$program: $!";
}

# A copy of a descriptor, above the two that are taken.
sub above_four
{
	my ($fd) = @_;
	my @below;

	while ((my $copy = POSIX::dup($fd) // die "dup: $!") > 0)
	{
		if ($copy > 4)
		{
			POSIX::close($_) for @below;
			return $copy;
		}
		push @below, $copy;
	}
}

# ---------------------------------------------------------------------------
# The protocol
# ---------------------------------------------------------------------------

# One message from the browser, whatever it is; dies when none comes.
sub message
{
	my ($self) = @_;
	my $end = time + TIMEOUT;
	my $length;

	while (($length = index $self->{buffer}, "\0") < 0)
	{
		my $left = $end - time;

		die "the browser does not answer\n"
		  unless $left > 0 && IO::Select->new($self->{in})->can_read($left);
		sysread($self->{in}, $self->{buffer}, 1 << 20, length $self->{buffer})
		  or die "the browser is gone\n";
	}
	my $text = substr $self->{buffer}, 0, $length + 1, '';
	chop $text;
	return $json->decode($text);
}

# Sends a command and returns its result; events on the way are kept.
sub command
{
	my ($self, $method, %params) = @_;
	my $id = ++$self->{n};
	my %session = $self->{session} ? (sessionId => $self->{session}) : ();

	local $SIG{PIPE} = 'IGNORE';
	my $text = $json->encode(
		{ id => $id, method => $method, params => \%params, %session }) . "\0";
	syswrite($self->{out}, $text) == length $text
	  or die "the browser does not listen\n";
	while (1)
	{
		my $reply = $self->message;

		if (!defined $reply->{id})
		{
			push @{ $self->{events} }, $reply;
			next;
		}
		next if $reply->{id} != $id;
		die "$method: $reply->{error}{message}\n" if $reply->{error};
		return $reply->{result};
	}
}

# Waits for an event and returns its parameters.
sub event
{
	my ($self, $method) = @_;

	while (1)
	{
		while (my $event = shift @{ $self->{events} })
		{
			push @{ $self->{seen} }, $event;
			return $event->{params} if $event->{method} eq $method;
		}
		my $next = $self->message;
		push @{ $self->{events} }, $next unless defined $next->{id};
	}
}

sub open_tab
{
	my ($self) = @_;
	my $tab = $self->command('Target.createTarget', url => 'about:blank');
	my $attached = $self->command(
		'Target.attachToTarget',
		targetId => $tab->{targetId},
		flatten => JSON::PP::true);

	$self->{session} = $attached->{sessionId};
	$self->command("$_.enable") for qw(Page Runtime Log Network);
	return;
}

# ---------------------------------------------------------------------------
# What a test does
# ---------------------------------------------------------------------------

# Opens an address and waits until all of it is loaded.
sub visit
{
	my ($self, $url) = @_;

	$self->{events} = [];
	$self->{seen} = [];
	my $result = $self->command('Page.navigate', url => $url);
	die "$url: $result->{errorText}\n" if $result->{errorText};
	$self->event('Page.loadEventFired');
	return;
}

# Width and height in CSS pixels; a phone has a touch screen, too.
sub resize
{
	my ($self, $width, $height, $phone) = @_;

	$self->command(
		'Emulation.setDeviceMetricsOverride',
		width => $width,
		height => $height,
		deviceScaleFactor => $phone ? 2 : 1,
		mobile => $phone ? JSON::PP::true : JSON::PP::false);
	return;
}

# What the system prefers: light or dark.
sub prefer
{
	my ($self, $scheme) = @_;

	$self->command('Emulation.setEmulatedMedia',
		features => [ { name => 'prefers-color-scheme', value => $scheme } ]);
	return;
}

# The value of an expression in the page.
sub value
{
	my ($self, $expression) = @_;
	my $result = $self->command(
		'Runtime.evaluate',
		expression => $expression,
		returnByValue => JSON::PP::true,
		awaitPromise => JSON::PP::true);

	die "$expression: $result->{exceptionDetails}{exception}{description}\n"
	  if $result->{exceptionDetails};
	return $result->{result}{value};
}

# Plays the video of the page, without its sound, until so many seconds of it have
# been shown, for three minutes at most; true if they have.
sub plays
{
	my ($self, $seconds) = @_;

	return $self->value(<<"EOF");
new Promise((resolve) => {
	const end = Date.now() + 180000;
	const video = document.querySelector('video');
	video.muted = true;
	const look = setInterval(() => {
		if (video.paused)
			video.play().catch(() => {});
		if (video.currentTime > $seconds || Date.now() > end)
		{
			clearInterval(look);
			resolve(video.currentTime > $seconds && video.videoHeight > 0);
		}
	}, 50);
})
EOF
}

# Presses and releases a key: its name and, if it writes, its text.
sub press
{
	my ($self, $key, $code, $text) = @_;

	for my $type (defined $text ? 'keyDown' : 'rawKeyDown', 'keyUp')
	{
		$self->command(
			'Input.dispatchKeyEvent',
			type => $type,
			key => $key,
			code => $key eq ' ' ? 'Space' : $key,
			windowsVirtualKeyCode => $code,
			defined $text && $type eq 'keyDown' ? (text => $text) : ());
	}
	return;
}

# What the page complained of since the visit: errors of scripts, of the
# policy, dialogs. Pictures that a machine without network cannot load do not
# count.
sub complaints
{
	my ($self) = @_;
	my @complaints;

	$self->value('0');    # whatever was under way is here now
	for my $event (@{ $self->{seen} }, @{ $self->{events} })
	{
		my ($method, $params) = @{$event}{qw(method params)};

		push @complaints, $params->{exceptionDetails}{text}
		  if $method eq 'Runtime.exceptionThrown';
		push @complaints, "dialog: $params->{message}"
		  if $method eq 'Page.javascriptDialogOpening';
		push @complaints, $params->{entry}{text}
		  if $method eq 'Log.entryAdded'
		  && $params->{entry}{level} eq 'error'
		  && $params->{entry}{source} ne 'network';
		push @complaints, map { $_->{value} // $_->{description} } @{ $params->{args} }
		  if $method eq 'Runtime.consoleAPICalled' && $params->{type} eq 'error';
	}
	return @complaints;
}

# Saves what is visible, or with $whole all of the page, as a PNG.
sub screenshot
{
	my ($self, $file, $whole) = @_;
	my $shot = $self->command(
		'Page.captureScreenshot',
		format => 'png',
		captureBeyondViewport => $whole ? JSON::PP::true : JSON::PP::false);

	open my $out, '>:raw', $file or die "$file: $!";
	print {$out} decode_base64($shot->{data});
	close $out or die "$file: $!";
	return;
}

sub stop
{
	my ($self) = @_;

	return if !$self->{pid} || $self->{owner} != $$;
	delete $self->{session};
	eval { $self->command('Browser.close') };
	close $self->{$_} for qw(in out);
	for (1 .. 100)
	{
		return delete $self->{pid} if waitpid($self->{pid}, POSIX::WNOHANG()) > 0;
		select undef, undef, undef, 0.05;
	}
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	delete $self->{pid};
	return;
}

sub DESTROY
{
	my ($self) = @_;

	local ($@, $?);
	$self->stop;
	return;
}

1;
