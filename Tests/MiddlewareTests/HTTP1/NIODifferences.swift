/// Where our decoders and NIO's give different verdicts on a sample: the section that decides it, both verdicts, and
/// why ours is right. Much of it NIO leaves to whoever uses its decoder.
enum NIODifferences {
    struct Row {
        var verdicts: String
        var reason: String

        init(_ verdicts: String, _ reason: String) {
            self.verdicts = verdicts
            self.reason = reason
        }
    }

    static let requests: [String: Row] = [
        "3986 2.1": Row(
            "refused, NIO: 1 with 0 bytes",
            "escapes are read by the next in the line; NIO does not look at them"
        ),
        "3986 2.1 NUL": Row(
            "refused, NIO: 1 with 0 bytes",
            "escapes are read by the next in the line; NIO does not look at them"
        ),
        "3986 3.2.2 IPv6 groups": Row("refused, NIO: 1 with 0 bytes", "an IPv6 address that is none"),
        "3986 3.2.2 IPv6 unclosed": Row("refused, NIO: 1 with 0 bytes", "an IPv6 address that is none"),
        "3986 5.2.4 above the root": Row(
            "refused, NIO: 1 with 0 bytes",
            "dot segments are resolved before anything matches a path"
        ),
        "6585 5 bytes": Row("refused, NIO: 1 with 0 bytes", "the bound is ours; NIO bounds a field at 80 KiB"),
        "6585 5 fields": Row("refused, NIO: 1 with 0 bytes", "the bound is ours; NIO bounds a field at 80 KiB"),
        "6585 5 trailer fields": Row("refused, NIO: 1 with 0 bytes", "the bound is ours; NIO bounds a field at 80 KiB"),
        "6585 5 trailers": Row("refused, NIO: 1 with 0 bytes", "the bound is ours; NIO bounds a field at 80 KiB"),
        "6874 zone": Row("refused, NIO: 1 with 0 bytes", "a zone means nothing to another host"),
        "9110 10.1.1 list": Row("refused, NIO: 1 with 1 bytes", "an expectation that is not known is answered 417"),
        "9110 10.1.1 other": Row("refused, NIO: 1 with 1 bytes", "an expectation that is not known is answered 417"),
        "9110 15.5.14 sum": Row("refused, NIO: 0 with 1 bytes", "the sum of the sizes cannot be delivered"),
        "9110 2.5 higher minor": Row(
            "1 with 0 bytes, NIO: refused",
            "a recipient reads a higher minor version as the highest it knows"
        ),
        "9110 4.2.1 no host": Row("refused, NIO: 1 with 0 bytes", "an http URI has a host"),
        "9110 4.2.1 port without host": Row("refused, NIO: 1 with 0 bytes", "an http URI has a host"),
        "9110 4.2.4": Row("refused, NIO: 1 with 0 bytes", "user information disguises the authority"),
        "9110 4.2.4 in Host": Row("refused, NIO: 1 with 0 bytes", "user information disguises the authority"),
        "9110 5.5 joined Hosts": Row("refused, NIO: 1 with 0 bytes", "what is not a host, or two that were joined"),
        "9110 5.5 obs-text": Row("refused, NIO: 1 with 0 bytes", "what is not a host, or two that were joined"),
        "9110 6.5.1 Host": Row("refused, NIO: 1 with 0 bytes", "Host does not belong in trailers"),
        "9110 7.6.1": Row("refused, NIO: 1 with 0 bytes", "Connection is a list of tokens"),
        "9110 8.6 overflow": Row("refused, NIO: 0 with 0 bytes", "a length beyond Int cannot be delivered"),
        "9110 9.1": Row("1 with 0 bytes, NIO: refused", "any token is a method; NIO knows a fixed list"),
        "9110 9.1 case-sensitive": Row("1 with 0 bytes, NIO: refused", "any token is a method; NIO knows a fixed list"),
        "9110 9.3.6": Row("refused, NIO: 1 with 0 bytes", "CONNECT has no content"),
        "9110 9.3.6 chunked": Row("refused, NIO: 1 with 0 bytes", "CONNECT has no content"),
        "9110 9.3.6 empty port": Row("refused, NIO: 1 with 0 bytes", "CONNECT needs a host and a valid port"),
        "9110 9.3.6 no port": Row("refused, NIO: 1 with 0 bytes", "CONNECT needs a host and a valid port"),
        "9110 9.3.6 port 0": Row("refused, NIO: 1 with 0 bytes", "CONNECT needs a host and a valid port"),
        "9110 9.3.6 port too large": Row("refused, NIO: 1 with 0 bytes", "CONNECT needs a host and a valid port"),
        "9112 2.2 bare CR in front": Row(
            "refused, NIO: 1 with 0 bytes",
            "at least one CR LF is tolerated in front of a request; NIO tolerates any CR and LF"
        ),
        "9112 2.2 bare LF in front": Row(
            "refused, NIO: 1 with 0 bytes",
            "at least one CR LF is tolerated in front of a request; NIO tolerates any CR and LF"
        ),
        "9112 2.2 two empty lines": Row(
            "refused, NIO: 1 with 0 bytes",
            "at least one CR LF is tolerated in front of a request; NIO tolerates any CR and LF"
        ),
        "9112 3 target too long": Row(
            "refused, NIO: 1 with 0 bytes",
            "NIO bounds the head, at 80 KiB, and not its parts"
        ),
        "9112 3 two spaces": Row("refused, NIO: 1 with 0 bytes", "parts are separated by single spaces"),
        "9112 3.2 fragment": Row("refused, NIO: 1 with 0 bytes", "a fragment is never sent"),
        "9112 3.2 invalid Host, absolute": Row(
            "refused, NIO: 1 with 0 bytes",
            "Host stands there once, and is a host and an optional port"
        ),
        "9112 3.2 no Host": Row(
            "refused, NIO: 1 with 0 bytes",
            "Host stands there once, and is a host and an optional port"
        ),
        "9112 3.2 no Host, absolute": Row(
            "refused, NIO: 1 with 0 bytes",
            "Host stands there once, and is a host and an optional port"
        ),
        "9112 3.2 port": Row(
            "refused, NIO: 1 with 0 bytes",
            "Host stands there once, and is a host and an optional port"
        ),
        "9112 3.2 slash": Row(
            "refused, NIO: 1 with 0 bytes",
            "Host stands there once, and is a host and an optional port"
        ),
        "9112 3.2 two Hosts": Row(
            "refused, NIO: 1 with 0 bytes",
            "Host stands there once, and is a host and an optional port"
        ),
        "9112 3.2 two Hosts in HTTP/1.0": Row(
            "refused, NIO: 1 with 0 bytes",
            "Host stands there once, and is a host and an optional port"
        ),
        "9112 3.2.2 scheme": Row("refused, NIO: 1 with 0 bytes", "only http and https are served"),
        "9112 3.2.3 CONNECT to a URI": Row(
            "refused, NIO: 1 with 0 bytes",
            "authority-form is for CONNECT, and CONNECT for it"
        ),
        "9112 3.2.3 CONNECT to a path": Row(
            "refused, NIO: 1 with 0 bytes",
            "authority-form is for CONNECT, and CONNECT for it"
        ),
        "9112 3.2.4 not OPTIONS": Row("refused, NIO: 1 with 0 bytes", "asterisk-form is for OPTIONS"),
        "9112 6.1 HTTP/1.0": Row("refused, NIO: 1 with 0 bytes", "a transfer coding in HTTP/1.0 is faulty framing"),
        "9112 6.1 empty": Row("refused, NIO: 1 with 0 bytes", "a list that frames a message is read strictly"),
        "9112 6.1 empty member": Row("refused, NIO: 0 with 0 bytes", "a list that frames a message is read strictly"),
        "9112 6.1 unknown": Row("refused, NIO: 0 with 0 bytes", "a coding that is not implemented is answered 501"),
        "9112 6.1 unknown, lines": Row(
            "refused, NIO: 0 with 0 bytes",
            "a coding that is not implemented is answered 501"
        ),
        "9112 7.1 overflow": Row("refused, NIO: 0 with 0 bytes", "a size beyond Int cannot be delivered"),
        "9112 7.1 seventeen digits": Row("refused, NIO: 0 with 1 bytes", "leading zeros are bounded"),
        "9112 7.1.1": Row(
            "1 with 1 bytes, NIO: refused",
            "white space around `;` and `=` is to be read; NIO refuses it"
        ),
        "9112 7.1.1 line": Row(
            "refused, NIO: 0 with 1 bytes",
            "an extension is checked and bounded; NIO passes over what it does not understand"
        ),
        "9112 7.1.1 no value": Row(
            "refused, NIO: 0 with 1 bytes",
            "an extension is checked and bounded; NIO passes over what it does not understand"
        ),
        "9112 7.1.1 sum": Row(
            "refused, NIO: 0 with 90 bytes",
            "an extension is checked and bounded; NIO passes over what it does not understand"
        ),
    ]

    static let responses: [String: Row] = [
        "9110 15 class 0": Row("refused, NIO: 1 with 0 bytes", "there is no class 0"),
        "9110 2.5 higher minor": Row(
            "1 with 0 bytes, NIO: refused",
            "a recipient reads a higher minor version as the highest it knows"
        ),
        "9110 9.3.6 refused": Row(
            "1 with 1 bytes, NIO: refused",
            "only success makes a tunnel; another answer has content"
        ),
        "9112 2.2 empty line": Row(
            "refused, NIO: 1 with 0 bytes",
            "empty lines are tolerated in front of requests only"
        ),
        "9112 4 control": Row("refused, NIO: 1 with 0 bytes", "a reason phrase has no controls"),
        "9112 6.3 not last": Row(
            "refused, NIO: 1 with 0 bytes",
            "the content would be passed on with its coding unsaid"
        ),
    ]
}
