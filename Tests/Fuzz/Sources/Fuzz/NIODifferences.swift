import Codec

/// Why one decoder refuses what the other reads, and the section that decides it. These are the categories; the samples
/// of the tests beside NIO's decoders have each of them by name.
enum NIODifferences {
    /// Rules that NIO does not have, or leaves to whoever uses its decoder.
    static let refusedHere: [WireProblem.Rule: String] = [
        // Start lines
        .emptyLines: "9112 2.2: NIO passes over any number of CR and LF",
        .bareCarriageReturn: "9112 2.2: NIO passes over one in front of a message",
        .bareLineFeed: "9112 2.2: NIO passes over one in front of a message",
        .targetTooLong: "9112 3: NIO bounds the head and not its parts",
        .requestLineInvalid: "9112 3: NIO reads more than one space",
        .versionInvalid: "9112 3 and 2.3: NIO reads more than one space, and RTSP",
        .statusLineInvalid: "9112 4: NIO passes over empty lines, and reads other protocols' names",
        .statusCodeInvalid: "9110 15: there is no class 0",
        .reasonInvalid: "9112 4: a reason phrase has no controls",
        // Target and authority
        .targetInvalid: "9112 3.2: no fragment in a target",
        .targetEscape: "3986 2.1: NIO does not look at escapes",
        .targetDotSegments: "3986 5.2.4: NIO does not look at segments",
        .targetForm: "9112 3.2: NIO reads any form with any method",
        .schemeUnsupported: "9112 3.2.2: only http and https are served",
        .userInformation: "9110 4.2.4: it disguises the authority",
        .authorityInvalid: "9110 4.2.1: an http URI has a host",
        .connectPort: "9110 9.3.6: CONNECT needs a valid port",
        .hostMissing: "9112 3.2: NIO does not look at Host",
        .hostRepeated: "9112 3.2: NIO does not look at Host",
        .hostInvalid: "9112 3.2: NIO does not look at Host",
        // Fields
        .headTooLarge: "6585 5: NIO bounds a field at 80 KiB",
        .tooManyFields: "6585 5: NIO bounds a field at 80 KiB",
        .tooManyTrailers: "6585 5: NIO bounds a field at 80 KiB",
        .trailersTooLarge: "6585 5: NIO bounds a field at 80 KiB",
        .trailerForbidden: "9110 6.5.1: NIO reads any field in trailers",
        .connectionInvalid: "9110 7.6.1: NIO looks for the options that it knows",
        .expectationUnknown: "9110 10.1.1: NIO leaves expectations to others",
        // Framing
        .contentInConnect: "9110 9.3.6: CONNECT has no content",
        .contentInInterim: "9110 15.2: NIO passes over content of an interim response",
        .contentTooLarge: "9110 15.5.14: a sum beyond Int cannot be delivered",
        .contentLengthInvalid: "9110 8.6: a length beyond Int cannot be delivered",
        .chunkSizeTooLarge: "9112 7.1: a size beyond Int cannot be delivered, and leading zeros are bounded",
        .transferEncodingInvalid: "9112 6.1: what frames a message is read strictly",
        .transferEncodingInHTTP10: "9112 6.1: it is faulty framing in HTTP/1.0",
        .chunkedNotLast: "9112 6.3: NIO reads such a response until the connection ends",
        .chunkedRepeated: "9112 6.1: NIO looks at the last coding",
        .codingUnknown: "9112 6.1: a coding that is not implemented is answered 501",
        .chunkLineTooLong: "9112 7.1.1: extensions are bounded",
        .chunkExtensionsTooLarge: "9112 7.1.1: extensions are bounded",
        .chunkExtensionInvalid: "9112 7.1.1: NIO passes over what it does not understand",
        // Order of messages
        .switchNotRequested: "9110 15.2.2: NIO leaves it to others what was asked",
    ]

    /// Errors of NIO's for what is read here.
    static let refusedThere: [String: String] = [
        "invalid HTTP method": "9110 9.1: any token is a method; NIO knows a fixed list",
        "invalid HTTP version": "9110 2.5: a higher minor version is read as the highest that is known",
        "invalid URL": "9112 3.2: NIO refuses bytes that are encoded here before anything is forwarded",
        chunkError: "9112 7.1.1: white space around `;` and `=` of an extension is to be read",
        sizeError: "9112 7.1.1: white space in front of the `;` of an extension is to be read",
        "data received after completed connection: close message": "9112 9.6: it is for the server to stop reading",
    ]

    /// Whether NIO may refuse the bytes with that error. What it says of an extension it also says of a chunk that does
    /// not end, so there has to be an extension.
    static func explains(_ error: String, of bytes: ArraySlice<UInt8>) -> Bool {
        refusedThere[error] != nil && (error != chunkError && error != sizeError || bytes.contains(UInt8(ascii: ";")))
    }

    private static let chunkError = "strict mode assertion"
    private static let sizeError = "invalid character in chunk size header"
}
