package import HTTPTypes
package import NIOCore

/// Writes the heads of responses.
///
/// It owns what says where a message ends and what becomes of the connection: `Content-Length`, `Transfer-Encoding`,
/// `Connection`, `Keep-Alive`, `Proxy-Connection` and `Upgrade` of the headers are left out and written anew from the
/// arguments. All other fields leave as they are; hop-by-hop fields beyond these are the forwarder's to remove.
///
/// The status line always says HTTP/1.1, to HTTP/1.0 as well (RFC 9110 section 6.2).
package enum ResponseEncoder {
    /// What was written, which can differ from what was asked for.
    package struct Written: Equatable, Sendable {
        /// How the content has to follow: ``BodyFraming/none`` for none whatever body there is, `untilClose` instead of
        /// chunks to HTTP/1.0.
        package var framing: BodyFraming
        /// Whether the connection may serve another request.
        package var persists: Bool

        package init(framing: BodyFraming, persists: Bool) {
            self.framing = framing
            self.persists = persists
        }
    }

    /// Appends the head of a final response, or of 101.
    ///
    /// - Parameters:
    ///   - framing: How the body would be sent. For HEAD and 304 a single valid `Content-Length` of the headers is kept,
    ///     and otherwise a length given here is written, since it is the length GET would have had.
    ///   - method: The request's method.
    ///   - persists: Whether the connection is meant to go on.
    ///   - toHTTP10: Whether the request was HTTP/1.0.
    ///   - date: The value of `Date` if the headers have none, an IMF-fixdate.
    @discardableResult
    package static func writeHead(
        status: HTTPResponse.Status,
        headers: Headers,
        framing: BodyFraming,
        answering method: HTTPRequest.Method,
        persists: Bool,
        toHTTP10: Bool = false,
        date: ByteBuffer?,
        into buffer: inout ByteBuffer
    ) -> Written {
        writeStatusLine(status, into: &buffer)
        let owned = KnownFieldSet.ownedByEncoders
        headers.write(into: &buffer, skip: { owned.contains($0.known) })
        // RFC 9110 section 6.6.1: whoever forwards a response without Date and has a clock adds it.
        if let date, !headers.contains(KnownField.date), status.code >= 200 {
            buffer.writeStaticString("Date: ")
            buffer.write(date.readableBytesUInt8Span)
            buffer.writeStaticString("\r\n")
        }
        var written = Written(framing: framing, persists: persists)
        writeFraming(&written, status, headers, method, toHTTP10: toHTTP10, into: &buffer)
        writeConnection(&written, status, headers, toHTTP10: toHTTP10, into: &buffer)
        buffer.writeStaticString("\r\n")
        return written
    }

    /// Appends a whole interim response. It has no content and says nothing of the connection; it must not be sent to
    /// HTTP/1.0 (RFC 9110 section 15.2).
    package static func writeInformational(
        _ status: HTTPResponse.Status,
        headers: Headers = Headers(),
        into buffer: inout ByteBuffer
    ) {
        writeStatusLine(status, into: &buffer)
        let owned = KnownFieldSet.ownedByEncoders
        headers.write(into: &buffer, skip: { owned.contains($0.known) })
        buffer.writeStaticString("\r\n")
    }

    private static func writeStatusLine(_ status: HTTPResponse.Status, into buffer: inout ByteBuffer) {
        if status.code == 200, status.reasonPhrase == "OK" {
            buffer.writeStaticString("HTTP/1.1 200 OK\r\n")
            return
        }
        buffer.writeStaticString("HTTP/1.1 ")
        // RFC 9112 section 4: three digits. HTTPTypes admits 0 to 999.
        if status.code < 100 { buffer.writeStaticString(status.code < 10 ? "00" : "0") }
        buffer.writeDecimal(status.code)
        buffer.writeStaticString(" ")
        // HTTPTypes has made the phrase legal ISO 8859-1.
        if status.reasonPhrase.utf8.allSatisfy({ $0 < 0x80 }) {
            buffer.writeString(status.reasonPhrase)
        } else {
            for scalar in status.reasonPhrase.unicodeScalars {
                buffer.writeInteger(UInt8(truncatingIfNeeded: scalar.value))
            }
        }
        buffer.writeStaticString("\r\n")
    }

    private static func writeFraming(
        _ written: inout Written,
        _ status: HTTPResponse.Status,
        _ headers: Headers,
        _ method: HTTPRequest.Method,
        toHTTP10: Bool,
        into buffer: inout ByteBuffer
    ) {
        let isTunnel = method == .connect && status.kind == .successful
        if status.code < 200 || status.code == 204 || isTunnel {
            // RFC 9110 section 8.6 and RFC 9112 section 6.1: neither length nor coding.
            written.framing = .none
            return
        }
        if method == .head || status.code == 304 {
            // RFC 9110 section 8.6: the length of what GET would have got, or nothing.
            if let length = headers.singleContentLength {
                buffer.writeContentLength(length)
            } else if case .length(let length) = written.framing {
                buffer.writeContentLength(length)
            }
            written.framing = .none
            return
        }
        switch written.framing {
        case .none:
            buffer.writeStaticString("Content-Length: 0\r\n")
        case .length(let length):
            buffer.writeContentLength(length)
        case .chunked where !toHTTP10:
            buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
        case .chunked, .untilClose:
            // RFC 9112 section 6.1: no transfer coding to HTTP/1.0. Section 6.3: the end of the connection ends it.
            written.framing = .untilClose
            written.persists = false
        }
    }

    private static func writeConnection(
        _ written: inout Written,
        _ status: HTTPResponse.Status,
        _ headers: Headers,
        toHTTP10: Bool,
        into buffer: inout ByteBuffer
    ) {
        // RFC 9110 sections 7.8 and 15.5.22: 101 and 426 carry Upgrade, and Connection names it.
        if status.code == 101 || status.code == 426, headers.contains(KnownField.upgrade) {
            headers.write(into: &buffer, skip: { $0.known != .upgrade })
            if status.code == 101 {
                buffer.writeStaticString("Connection: upgrade\r\n")
                written.persists = false
            } else {
                buffer.writeStaticString(
                    written.persists ? "Connection: upgrade\r\n" : "Connection: upgrade, close\r\n"
                )
            }
            return
        }
        if !written.persists {
            // RFC 9112 section 9.6. A tunnel has no more messages, and 101 has just been treated.
            buffer.writeStaticString("Connection: close\r\n")
        } else if toHTTP10 {
            // RFC 9112 section 9.3.
            buffer.writeStaticString("Connection: keep-alive\r\n")
        }
    }
}

extension Headers {
    /// The number that the only `Content-Length` says, if it is one.
    var singleContentLength: Int? {
        var length: Int?
        for entry in entries where entry.known == .contentLength {
            guard length == nil, let value = withValue(of: entry, { FieldGrammar.decimal($0) }) else { return nil }
            length = value
        }
        return length
    }
}
