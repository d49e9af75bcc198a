# A TCP relay with the smallest receive buffer that the kernel allows, and segments of usual size. So the kernel reads
# hardly more than the client does. Stopped with SIGSTOP, it reads nothing. Node cannot set these options.
#
#   perl narrow-link.pl PORT    relays to 127.0.0.1:PORT, and prints the port that it listens on
use strict;
use warnings;
use Socket qw(:DEFAULT IPPROTO_TCP TCP_MAXSEG);
use IO::Select;
use IO::Socket::INET;

my ($port) = @ARGV;
my $server = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1') or die "listen: $!";
my $select = IO::Select->new($server);
my %peer;

sub connect_narrowly {
    socket(my $far, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
    # These options have an effect only before the handshake.
    setsockopt($far, SOL_SOCKET, SO_RCVBUF, 2_048) or die "SO_RCVBUF: $!";
    setsockopt($far, IPPROTO_TCP, TCP_MAXSEG, 1_400) or die "TCP_MAXSEG: $!";
    connect($far, sockaddr_in($port, INADDR_LOOPBACK)) or return;
    return $far;
}

$SIG{PIPE} = 'IGNORE';
$| = 1;
print $server->sockport, "\n";

while (my @ready = $select->can_read) {
    for my $from (@ready) {
        if ($from == $server) {
            my $near = $server->accept or next;
            my $far = connect_narrowly() or next;
            ($peer{$near}, $peer{$far}) = ($far, $near);
            $select->add($near, $far);
            next;
        }
        my $to = $peer{$from} or next; # closed a moment ago, with its peer
        my $read = sysread($from, my $bytes, 65_536);
        next if $read && defined syswrite($to, $bytes);
        delete @peer{$from, $to};
        $select->remove($from, $to);
        close $_ for $from, $to;
    }
}
