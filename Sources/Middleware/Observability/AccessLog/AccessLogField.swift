public import HTTPTypes

extension AccessLog {
    /// One value of a line.
    ///
    /// A value that there is none of reads `-` in a text line and is left out of a JSON object.
    public struct Field: Sendable, Hashable {
        enum Code: Sendable, Hashable {
            case time
            case timestamp
            case clientAddress
            case method
            case target
            case path
            case query
            case requestLine
            case protocolName
            case scheme
            case authority
            case status
            case bytesSent
            case bytesReceived
            case duration
            case timeToFirstByte
            case requestID
            case upstream
            case route
            case end
            case requestHeader(HTTPField.Name)
            case responseHeader(HTTPField.Name)
        }

        let code: Code

        private init(_ code: Code) { self.code = code }

        /// When the exchange began, in UTC: `06/Nov/1994:08:49:37 +0000`.
        public static var time: Field { Field(.time) }
        /// When the exchange began, in UTC: `1994-11-06T08:49:37.250Z` (RFC 3339).
        public static var timestamp: Field { Field(.timestamp) }
        /// The address of the client, without its port.
        public static var clientAddress: Field { Field(.clientAddress) }
        /// The method.
        public static var method: Field { Field(.method) }
        /// Path and query in their normal form.
        public static var target: Field { Field(.target) }
        /// The path in its normal form.
        public static var path: Field { Field(.path) }
        /// The query, without its `?`.
        public static var query: Field { Field(.query) }
        /// Method, target and protocol: `GET /index.html HTTP/1.1`.
        public static var requestLine: Field { Field(.requestLine) }
        /// The protocol that the client spoke: `HTTP/1.1`.
        public static var protocolName: Field { Field(.protocolName) }
        /// `http` or `https`.
        public static var scheme: Field { Field(.scheme) }
        /// Host and port that the client asked for.
        public static var authority: Field { Field(.authority) }
        /// The status code.
        public static var status: Field { Field(.status) }
        /// The bytes of the answer's body.
        public static var bytesSent: Field { Field(.bytesSent) }
        /// The bytes of the request's body that had come.
        public static var bytesReceived: Field { Field(.bytesReceived) }
        /// From the first byte of the request to the last of the answer, in milliseconds with three decimals.
        public static var duration: Field { Field(.duration) }
        /// From the first byte of the request to the head of the answer, in milliseconds with three decimals.
        public static var timeToFirstByte: Field { Field(.timeToFirstByte) }
        /// The identifier of ``RequestIDKey``.
        public static var requestID: Field { Field(.requestID) }
        /// The endpoint of ``UpstreamEndpointKey``.
        public static var upstream: Field { Field(.upstream) }
        /// The pattern of the route that took the request, as ``RoutePatternKey`` says it: few values, whatever is
        /// asked for.
        public static var route: Field { Field(.route) }
        /// How the exchange ended: `complete`, `client_gone`, `origin_failed`, `timed_out`, `request_failed`
        /// or `refused`.
        public static var end: Field { Field(.end) }
        /// The page that the client says it came from.
        public static var referer: Field { .requestHeader(.referer) }
        /// The client's name for itself.
        public static var userAgent: Field { .requestHeader(.userAgent) }
        /// The first field of that name in the request; credentials are hidden (``Redaction``).
        public static func requestHeader(_ name: HTTPField.Name) -> Field { Field(.requestHeader(name)) }
        /// The first field of that name in the answer; credentials are hidden (``Redaction``).
        public static func responseHeader(_ name: HTTPField.Name) -> Field { Field(.responseHeader(name)) }

        var isOfRequestHeaders: Bool {
            if case .requestHeader = code { true } else { false }
        }

        var isOfResponseHeaders: Bool {
            if case .responseHeader = code { true } else { false }
        }
    }
}
