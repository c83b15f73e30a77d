import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Says what to try, for the first address that is listened on.
@Sendable func tour(_ addresses: [SocketAddress]) {
    guard let address = addresses.first else { return }
    let (curl, url) = address.curl
    say(
        """
        The gateway takes requests. Try, in another terminal:

          \(curl) \(url)/                            an answer of the gateway's own
          \(curl) -i \(url)/hello                    JSON from an origin; see X-Request-ID and Server
          \(curl) --data 'say it again' \(url)/echo  a body that goes there and back
          \(curl) -N \(url)/ticks                    an event every second, passed on as it comes
          \(curl) -i '\(url)/slow?seconds=1'         an origin that takes its time
          \(curl) -i '\(url)/slow?seconds=9'         one that takes too long: 504 after 2 s
          \(curl) -i \(url)/broken                   an origin that answers 500
          \(curl) -i \(url)/nothing                  a path that nobody serves: 404
          \(curl) -i -X DELETE \(url)/greet/you      a method that a route does not take: 405
          \(curl) \(url)/greet/you                   a parameter of the path
          \(curl) -r 0-9 \(url)/files/numbers.txt    a piece of a file
          \(curl) -iL \(url)/moved/there             what has moved
          \(curl) -i '\(url)/rewritten?x=1'          another path for the origin
          \(curl) -i -H 'Origin: https://app.example' \(url)/api   what a page of another origin may read
          \(curl) -i -d x -H 'Sec-Fetch-Site: cross-site' \(url)/api   a forged request: 403
          \(curl) -i \(url)/elsewhere                for other networks than yours: 403
          \(curl) -i \(url)/closed                   maintenance: 503
          \(curl) -i -H 'Accept: text/html' \(url)/nothing   the same for people
          \(curl) \(url)/balanced                    one of three origins after the other
          \(curl) \(url)/failover                    one of two is broken, and nobody notices
          \(curl) -c /tmp/jar -b /tmp/jar \(url)/sticky   always the same origin for one client
          \(curl) \(url)/canary                      one in ten goes to the new version
          \(curl) \(url)/mirrored                    a shadow gets a copy
          \(curl) \(url)/metrics                     what was counted meanwhile

        Ctrl-C ends it.

        """
    )
}

/// Prints at once, also into a pipe.
func say(_ text: String) {
    print(text)
    fflush(nil)
}

extension SocketAddress {
    /// How `curl` is called for it, and the URL without a path.
    fileprivate var curl: (command: String, url: String) {
        if let pathname { return ("curl --unix-socket \(pathname)", "http://localhost") }
        var host = ipAddress ?? "localhost"
        if host == "0.0.0.0" { host = "127.0.0.1" }
        if host == "::" { host = "::1" }
        return ("curl", "http://\(host.contains(":") ? "[\(host)]" : host):\(port ?? 0)")
    }
}
