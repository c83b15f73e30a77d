extension KnownFields {
    /// What the encoders own: framing and the connection (RFC 9110 section 7.6.1, RFC 9112 sections 6 and 9).
    static var ownedByEncoders: KnownFields {
        KnownFields(.connection, .contentLength, .keepAlive, .proxyConnection, .transferEncoding, .upgrade)
    }
}

extension ByteSink {
    /// Appends a `Content-Length` line.
    mutating func writeContentLength(_ length: Int) {
        write("Content-Length: ")
        write(decimal: length)
        write("\r\n")
    }
}
