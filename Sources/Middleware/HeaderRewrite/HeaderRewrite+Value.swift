public import HTTPTypes
import NIOCore

extension HeaderRewrite {
    /// What a rule writes: text with values of the exchange in it.
    ///
    /// ```swift
    /// $0.request.set(.init("x-real-ip")!, to: "\(.clientAddress)")
    /// $0.response.add(.link, "<https://example.com\(.path)>; rel=canonical")
    /// $0.request.set(.init("x-tenant")!, to: .computed { request, context in context[TenantKey.self] })
    /// ```
    ///
    /// A path or a query of a client can hold `<`, `>`, `,` and `;`, which begin something new in fields such as `Link`.
    ///
    /// Where one of its values is absent the whole is absent: `set` then removes the field, so that what a client sent
    /// under that name is never taken for ours, and every other rule does nothing. Controls become spaces.
    public struct Value: Sendable, ExpressibleByStringInterpolation {
        enum Part: Sendable {
            case literal(String)
            case source(Source)
            /// What was asked of the request when it came.
            case captured(Int)
        }

        /// Collects the parts of a literal.
        public struct StringInterpolation: StringInterpolationProtocol {
            var parts: [Part] = []

            /// Nothing collected yet.
            public init(literalCapacity: Int, interpolationCount: Int) {}

            /// Adds text as it is.
            public mutating func appendLiteral(_ literal: String) {
                if !literal.isEmpty { parts.append(.literal(literal)) }
            }

            /// Adds a value of the exchange.
            public mutating func appendInterpolation(_ source: Source) { parts.append(.source(source)) }

            /// Adds text that is known when the rule is written.
            public mutating func appendInterpolation(text: String) { appendLiteral(text) }
        }

        var parts: [Part]

        /// Fixed text.
        public init(_ text: String) { parts = [.literal(text)] }

        public init(stringLiteral text: String) { self.init(text) }

        /// Text with values in it.
        public init(stringInterpolation: StringInterpolation) { parts = stringInterpolation.parts }

        /// What the closure makes of the request; `nil` is an absent value. It runs on the loop and must not block.
        public static func computed(
            _ value: @escaping @Sendable (borrowing Request, RequestContext) -> String?
        ) -> Value {
            "\(Source(.computed(value)))"
        }

        /// What the closure makes of the answer; `nil` is an absent value. For answers. It runs on the loop and must not
        /// block.
        public static func computed(
            fromAnswer value: @escaping @Sendable (HTTPResponse.Status, Headers, RequestContext) -> String?
        ) -> Value {
            "\(Source(.computedFromAnswer(value)))"
        }

        /// The text when nothing of an exchange is in it.
        var constant: String? {
            var text = ""
            for part in parts {
                guard case .literal(let literal) = part else { return nil }
                text += literal
            }
            return text
        }

        /// The text for a request; `nil` when a value is absent.
        func text(_ request: borrowing Request, _ context: RequestContext) -> String? {
            var text = ""
            for part in parts {
                switch part {
                case .literal(let literal): text += literal
                case .source(let source):
                    guard let value = source.value(request, context) else { return nil }
                    text += value
                case .captured: return nil
                }
            }
            return text
        }

        /// The text for the path of a request: what is no path itself is one segment of it, whatever it holds.
        func path(_ request: borrowing Request, _ context: RequestContext) -> String? {
            var text = ""
            for part in parts {
                switch part {
                case .literal(let literal): text += literal
                case .source(let source):
                    guard let value = source.value(request, context) else { return nil }
                    if case .path = source.code {
                        text += value
                    } else if value == "." || value == ".." {
                        // Encoded once, dots are dots again in the normal form.
                        text += value.replacing(".", with: "%252E")
                    } else {
                        text += PercentEncoding.encoded(value)
                    }
                case .captured: return nil
                }
            }
            return text
        }

        /// The text for an answer.
        func text(_ answer: RewrittenAnswer) -> String? {
            var text = ""
            for part in parts {
                switch part {
                case .literal(let literal): text += literal
                case .source(let source):
                    guard let value = source.value(answer) else { return nil }
                    text += value
                case .captured(let index):
                    guard index < answer.captured.count, let value = answer.captured[index] else { return nil }
                    text += value
                }
            }
            return text
        }
    }

    /// One value of an exchange.
    public struct Source: Sendable {
        enum Code: Sendable {
            case clientAddress
            case requestID
            case route
            case upstream
            case method
            case scheme
            case authority
            case host
            case target
            case path
            case query
            case queryItem(String)
            case cookie(String)
            case parameter(String)
            case requestHeader(HTTPField.Name)
            case status
            case responseHeader(HTTPField.Name)
            case computed(@Sendable (borrowing Request, RequestContext) -> String?)
            case computedFromAnswer(@Sendable (HTTPResponse.Status, Headers, RequestContext) -> String?)
        }

        /// When a value is there.
        enum Phase {
            case always
            case request
            case answer
        }

        let code: Code

        init(_ code: Code) { self.code = code }

        /// The address of the client, without its port: what a `ClientAddress` found out, else the other end of the
        /// connection. Absent on a Unix-domain socket.
        public static var clientAddress: Source { Source(.clientAddress) }
        /// The identifier of ``RequestIDKey``.
        public static var requestID: Source { Source(.requestID) }
        /// The pattern of the route that the request is in, see ``RoutePatternKey``.
        public static var route: Source { Source(.route) }
        /// The endpoint that answered, see ``UpstreamEndpointKey``. For answers.
        public static var upstream: Source { Source(.upstream) }
        /// The method.
        public static var method: Source { Source(.method) }
        /// `http` or `https`.
        public static var scheme: Source { Source(.scheme) }
        /// Host and port that the client asked for.
        public static var authority: Source { Source(.authority) }
        /// The host that the client asked for, without its port, in lower case and without a dot at its end.
        public static var host: Source { Source(.host) }
        /// Path and query in their normal form.
        public static var target: Source { Source(.target) }
        /// The path in its normal form.
        public static var path: Source { Source(.path) }
        /// The query as it came, without its `?`; absent when there is none.
        public static var query: Source { Source(.query) }
        /// The first query item of that name, decoded; empty for one without `=`.
        public static func queryItem(_ name: String) -> Source { Source(.queryItem(name)) }
        /// The first cookie of that name, as it stands.
        public static func cookie(_ name: String) -> Source { Source(.cookie(name)) }
        /// A parameter of the route that the request is in, decoded.
        public static func parameter(_ name: String) -> Source { Source(.parameter(name)) }
        /// The first field of that name in the request.
        public static func requestHeader(_ name: HTTPField.Name) -> Source { Source(.requestHeader(name)) }
        /// The status code. For answers.
        public static var status: Source { Source(.status) }
        /// The first field of that name in the answer. For answers.
        public static func responseHeader(_ name: HTTPField.Name) -> Source { Source(.responseHeader(name)) }

        var phase: Phase {
            switch code {
            case .clientAddress, .requestID, .route: .always
            case .status, .responseHeader, .upstream, .computedFromAnswer: .answer
            default: .request
            }
        }

        func value(_ request: borrowing Request, _ context: RequestContext) -> String? {
            switch code {
            case .method: request.method.rawValue
            case .scheme: request.scheme
            case .authority: request.authority.isEmpty ? nil : request.authority
            case .host: Self.host(of: request.authority)
            case .target: request.target.description
            case .path: request.path
            case .query: request.target.query
            case .queryItem(let name): request.target.queryItems.first { $0.name == name }.map { $0.value ?? "" }
            case .cookie(let name): Self.cookie(name, in: request.headers)
            case .parameter(let name): context.parameters[name]
            case .requestHeader(let name): request.headers[name]
            case .computed(let value): value(request, context)
            case .clientAddress, .requestID, .route, .upstream, .status, .responseHeader, .computedFromAnswer:
                value(context)
            }
        }

        func value(_ answer: RewrittenAnswer) -> String? {
            switch code {
            case .status: "\(answer.status.code)"
            case .responseHeader(let name): answer.headers[name]
            case .computedFromAnswer(let value): value(answer.status, answer.headers, answer.context)
            default: value(answer.context)
            }
        }

        private func value(_ context: RequestContext) -> String? {
            switch code {
            case .clientAddress: context.clientAddress?.ipAddress
            case .requestID: context[RequestIDKey.self]
            case .route: context[RoutePatternKey.self]
            case .upstream: context[UpstreamEndpointKey.self]
            default: nil
            }
        }

        private static func host(of authority: String) -> String? {
            guard !authority.isEmpty else { return nil }
            let end = authority.hasPrefix("[") ? authority.firstIndex(of: "]").map { authority.index(after: $0) } : nil
            let colon = authority[(end ?? authority.startIndex)...].firstIndex(of: ":")
            let host = authority[..<(colon ?? authority.endIndex)].lowercased()
            return host.hasSuffix(".") ? String(host.dropLast()) : host
        }

        /// RFC 6265 section 4.2.1: `name=value` with `; ` in between.
        private static func cookie(_ name: String, in headers: Headers) -> String? {
            for line in headers[values: .cookie] {
                for pair in line.utf8.split(separator: UInt8(ascii: ";")) {
                    let parts = pair.drop { FieldGrammar.isBlank($0) }.split(
                        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                    if parts.count == 2, parts[0].elementsEqual(name.utf8) { return String(parts[1]) }
                }
            }
            return nil
        }
    }
}

/// An answer as a rule sees it.
struct RewrittenAnswer {
    let status: HTTPResponse.Status
    var headers: Headers
    /// What was asked of the request when it came.
    let captured: [String?]
    /// The authorities by which the origin may name itself, when a rule wants them: the one that the client asked for, and
    /// the one that the request left with.
    let authorities: [Authority]
    let context: RequestContext
}
