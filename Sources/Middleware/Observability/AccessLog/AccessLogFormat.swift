extension AccessLog {
    /// What a line looks like.
    ///
    /// In text lines, `"`, `\`, controls and bytes outside printable ASCII of a value are written as `\"`, `\\` and
    /// `\xHH`. In JSON they follow RFC 8259; controls that only terminals know are escaped as well, and bytes that are
    /// not UTF-8 become U+FFFD.
    public struct Format: Sendable {
        enum Shape: Sendable {
            case text([Template.Part])
            case object([Member])
        }

        struct Member: Sendable {
            /// The key with its quotes and colon.
            let key: [UInt8]
            let field: Field
        }

        let shape: Shape

        /// The common log format of web servers.
        ///
        /// `192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] "GET / HTTP/1.1" 200 104`
        public static var common: Format { .custom(commonTemplate) }

        /// The common format with referer and user agent.
        public static var combined: Format {
            .custom(Template(parts: commonTemplate.parts + (" \"\(.referer)\" \"\(.userAgent)\"" as Template).parts))
        }

        /// A JSON object a line: `time`, `client`, `method`, `target`, `protocol`, `status`, `bytes_sent`,
        /// `bytes_received`, `duration_ms`, `referer`, `user_agent`, `request_id`, `upstream`, `route` and `end`.
        public static var json: Format {
            .json([
                "time": .timestamp, "client": .clientAddress, "method": .method, "target": .target,
                "protocol": .protocolName, "status": .status, "bytes_sent": .bytesSent,
                "bytes_received": .bytesReceived, "duration_ms": .duration, "referer": .referer,
                "user_agent": .userAgent, "request_id": .requestID, "upstream": .upstream, "route": .route,
                "end": .end,
            ])
        }

        /// A JSON object a line with those members, in that order.
        public static func json(_ members: KeyValuePairs<String, Field>) -> Format {
            Format(
                shape: .object(members.map { Member(key: Array("\($0.key.jsonQuoted):".utf8), field: $0.value) })
            )
        }

        /// A line of text around fields: `.custom("\(.clientAddress) \(.status) \(.duration)ms")`. Fields whose values
        /// may hold spaces stand in quotes.
        public static func custom(_ template: Template) -> Format { Format(shape: .text(template.parts)) }

        private static var commonTemplate: Template {
            "\(.clientAddress) - - [\(.time)] \"\(.requestLine)\" \(.status) \(.bytesSent)"
        }

        var fields: [Field] {
            switch shape {
            case .text(let parts):
                parts.compactMap { if case .field(let field) = $0 { field } else { nil } }
            case .object(let members):
                members.map(\.field)
            }
        }

        func check(_ blueprint: inout Blueprint) {
            blueprint.require(!fields.isEmpty, "has a format without fields", mend: "name the fields to log")
            switch shape {
            case .text(let parts):
                let breaks = parts.contains {
                    if case .literal(let bytes) = $0 { bytes.contains { $0 < 0x20 && $0 != 0x09 } } else { false }
                }
                blueprint.require(!breaks, "has a format with a line break", mend: "keep a line on one line")
            case .object(let members):
                blueprint.require(
                    Set(members.map(\.key)).count == members.count,
                    "has a format with a key that occurs twice",
                    mend: "give every member a key of its own"
                )
            }
        }
    }

    /// A line of text with fields in it: a string literal with interpolated ``Field``s.
    public struct Template: ExpressibleByStringInterpolation, Sendable {
        enum Part: Sendable {
            case literal([UInt8])
            case field(Field)
        }

        /// Collects the parts of a literal.
        public struct StringInterpolation: StringInterpolationProtocol {
            var parts: [Part] = []

            /// Nothing collected yet.
            public init(literalCapacity: Int, interpolationCount: Int) {}

            /// Adds text as it is.
            public mutating func appendLiteral(_ literal: String) {
                if !literal.isEmpty { parts.append(.literal(Array(literal.utf8))) }
            }

            /// Adds a field.
            public mutating func appendInterpolation(_ field: Field) { parts.append(.field(field)) }
        }

        let parts: [Part]

        init(parts: [Part]) { self.parts = parts }

        public init(stringLiteral text: String) { parts = [.literal(Array(text.utf8))] }

        /// A line of a literal and its fields.
        public init(stringInterpolation: StringInterpolation) { parts = stringInterpolation.parts }
    }
}
