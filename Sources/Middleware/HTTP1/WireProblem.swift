package import HTTPTypes

/// Why a message was refused: which rule of RFC 9112 or RFC 9110 it broke, and the status that says so.
///
/// After one of these nothing more can be read from the connection: where the next message starts is unknown. A
/// request is answered with ``status`` and the connection closed; a response becomes 502 and its connection is
/// dropped.
package struct WireProblem: Error, Sendable, Equatable {
    /// 400, 413, 414, 417, 431, 501 or 505 for a request; 502 for a response.
    package var status: HTTPResponse.Status
    package var rule: Rule

    /// A request that broke `rule`.
    package init(request rule: Rule) {
        self.rule = rule
        status = rule.requestStatus
    }

    /// A response that broke `rule` (RFC 9110 section 15.6.3).
    package init(response rule: Rule) {
        self.rule = rule
        status = .badGateway
    }

    /// One sentence that names the section. It repeats no received byte, so it is safe in an answer and in a log.
    package var explanation: String { rule.explanation }
}

extension WireProblem {
    /// The rules, one case each.
    package enum Rule: UInt8, Error, Sendable, CaseIterable {
        // Start lines
        case emptyLines, methodInvalid, methodTooLong, requestLineInvalid
        case versionInvalid, versionUnsupported
        case statusLineInvalid, statusCodeInvalid, reasonInvalid
        // Target and authority
        case targetInvalid, targetEscape, targetDotSegments, targetTooLong, targetForm
        case schemeUnsupported, userInformation, authorityInvalid
        case connectPort, hostMissing, hostRepeated, hostInvalid
        // Lines and fields
        case bareCarriageReturn, bareLineFeed, leadingWhitespace, obsoleteFold, whitespaceBeforeColon
        case fieldNameEmpty, fieldNameInvalid, fieldValueInvalid, headTooLarge, tooManyFields
        // Framing
        case contentLengthInvalid, contentLengthRepeated, contentLengthWithTransferEncoding
        case transferEncodingInvalid, chunkedNotLast, chunkedRepeated, codingUnknown, transferEncodingInHTTP10
        case contentInConnect, contentInInterim, contentTooLarge
        // Options
        case connectionInvalid, expectationUnknown
        // Chunks and trailers
        case chunkSizeInvalid, chunkSizeTooLarge, chunkLineTooLong, chunkExtensionInvalid, chunkExtensionsTooLarge
        case chunkUnterminated, trailerForbidden, trailersTooLarge, tooManyTrailers
        // Order of messages
        case switchNotRequested, unsolicited, truncated
    }
}

extension WireProblem.Rule {
    /// The status for a request that broke this rule.
    package var requestStatus: HTTPResponse.Status {
        switch self {
        case .methodTooLong, .codingUnknown: .notImplemented
        case .versionUnsupported: .httpVersionNotSupported
        case .targetTooLong: .uriTooLong
        case .contentTooLarge: .contentTooLarge
        case .expectationUnknown: .expectationFailed
        case .headTooLarge, .tooManyFields, .trailersTooLarge, .tooManyTrailers: .requestHeaderFieldsTooLarge
        default: .badRequest
        }
    }

    /// What is wrong, and the section that says so.
    package var explanation: String {
        switch self {
        case .emptyLines: "More empty lines than allowed precede the request line (RFC 9112 section 2.2)."
        case .methodInvalid: "The method is not a token (RFC 9110 section 9.1)."
        case .methodTooLong: "The method is longer than any that is implemented (RFC 9112 section 3)."
        case .requestLineInvalid: "The request line is not method, target and version (RFC 9112 section 3)."
        case .versionInvalid: "The protocol version is malformed (RFC 9112 section 2.3)."
        case .versionUnsupported: "The major version is not 1 (RFC 9110 section 15.6.6)."
        case .statusLineInvalid: "The status line is not version, code and reason (RFC 9112 section 4)."
        case .statusCodeInvalid: "The status code is not three digits from 100 on (RFC 9110 section 15)."
        case .reasonInvalid: "The reason phrase contains a control character (RFC 9112 section 4)."
        case .targetInvalid: "The request target contains what no URI may contain (RFC 9112 section 3.2)."
        case .targetEscape: "The path holds a malformed percent-encoding or an encoded NUL (RFC 3986 section 2.1)."
        case .targetDotSegments: "The path has dot segments that servers read differently (RFC 3986 section 5.2.4)."
        case .targetTooLong: "The request target is too long (RFC 9112 section 3)."
        case .targetForm: "This form of request target does not belong to this method (RFC 9112 section 3.2)."
        case .schemeUnsupported: "The scheme of the absolute target is neither http nor https (RFC 9112 section 3.2.2)."
        case .userInformation: "The authority contains user information (RFC 9110 section 4.2.4)."
        case .authorityInvalid: "The authority of the target is invalid (RFC 9112 section 3.2)."
        case .connectPort: "CONNECT needs a host and a port (RFC 9110 section 9.3.6)."
        case .hostMissing: "The request has no Host field (RFC 9112 section 3.2)."
        case .hostRepeated: "The request has more than one Host field (RFC 9112 section 3.2)."
        case .hostInvalid: "The value of Host is not a host and an optional port (RFC 9112 section 3.2)."
        case .bareCarriageReturn: "A CR is not followed by LF (RFC 9112 section 2.2)."
        case .bareLineFeed: "A line ends in LF without CR (RFC 9112 section 2.2)."
        case .leadingWhitespace: "White space stands between the start line and the first field (RFC 9112 section 2.2)."
        case .obsoleteFold: "A field value continues on another line (RFC 9112 section 5.2)."
        case .whitespaceBeforeColon: "White space stands between a field name and its colon (RFC 9112 section 5.1)."
        case .fieldNameEmpty: "A field has no name (RFC 9110 section 5.1)."
        case .fieldNameInvalid: "A field name is not a token followed by a colon (RFC 9112 section 5.1)."
        case .fieldValueInvalid: "A field value contains a control character (RFC 9110 section 5.5)."
        case .headTooLarge: "The header section is too large (RFC 6585 section 5)."
        case .tooManyFields: "There are too many fields (RFC 6585 section 5)."
        case .contentLengthInvalid: "Content-Length is not a decimal number that fits (RFC 9110 section 8.6)."
        case .contentLengthRepeated: "Content-Length stands there more than once (RFC 9112 section 6.3)."
        case .contentLengthWithTransferEncoding:
            "Content-Length and Transfer-Encoding stand in one message (RFC 9112 section 6.1)."
        case .transferEncodingInvalid: "Transfer-Encoding is malformed (RFC 9112 section 6.1)."
        case .chunkedNotLast: "Chunked is not the last transfer coding (RFC 9112 section 6.3)."
        case .chunkedRepeated: "Chunked is applied more than once (RFC 9112 section 6.1)."
        case .codingUnknown: "A transfer coding other than chunked is not implemented (RFC 9112 section 6.1)."
        case .transferEncodingInHTTP10: "Transfer-Encoding stands in an HTTP/1.0 message (RFC 9112 section 6.1)."
        case .contentInConnect: "A CONNECT request has no content (RFC 9110 section 9.3.6)."
        case .contentInInterim: "An interim response has no content (RFC 9110 section 15.2)."
        case .contentTooLarge: "The content is larger than allowed (RFC 9110 section 15.5.14)."
        case .connectionInvalid: "Connection is not a list of tokens (RFC 9110 section 7.6.1)."
        case .expectationUnknown: "The expectation is not 100-continue (RFC 9110 section 10.1.1)."
        case .chunkSizeInvalid: "A chunk size is not a hexadecimal number (RFC 9112 section 7.1)."
        case .chunkSizeTooLarge: "A chunk size does not fit (RFC 9112 section 7.1)."
        case .chunkLineTooLong: "A chunk line is too long (RFC 9112 section 7.1.1)."
        case .chunkExtensionInvalid: "A chunk extension is malformed (RFC 9112 section 7.1.1)."
        case .chunkExtensionsTooLarge: "The chunk extensions of the message are too long (RFC 9112 section 7.1.1)."
        case .chunkUnterminated: "A chunk is not followed by CR LF (RFC 9112 section 7.1)."
        case .trailerForbidden: "A framing or routing field stands in the trailer section (RFC 9110 section 6.5.1)."
        case .trailersTooLarge: "The trailer section is too large (RFC 6585 section 5)."
        case .tooManyTrailers: "There are too many trailer fields (RFC 6585 section 5)."
        case .switchNotRequested: "The protocol was switched without being asked (RFC 9110 section 15.2.2)."
        case .unsolicited: "Bytes came from the server that no request asked for (RFC 9112 section 9.2)."
        case .truncated: "The connection ended inside a message (RFC 9112 section 8)."
        }
    }
}
