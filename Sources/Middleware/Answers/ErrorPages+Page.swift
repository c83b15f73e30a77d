public import HTTPTypes
import NIOCore

extension ErrorPages {
    /// One status of errors, a class of them, or all: `404`, ``clientErrors``, ``serverErrors``, ``all``.
    public struct Statuses: Hashable, Sendable, ExpressibleByIntegerLiteral, CustomStringConvertible {
        static let first = 400

        let codes: ClosedRange<Int>

        /// 400 to 599.
        public static var all: Statuses { Statuses(codes: 400...599) }
        /// 400 to 499.
        public static var clientErrors: Statuses { Statuses(codes: 400...499) }
        /// 500 to 599.
        public static var serverErrors: Statuses { Statuses(codes: 500...599) }

        private init(codes: ClosedRange<Int>) { self.codes = codes }

        /// That status, an error; another is reported by the blueprint of the ``ErrorPages`` that uses it.
        public init(_ status: HTTPResponse.Status) { self.init(codes: status.code...status.code) }

        public init(integerLiteral code: Int) { self.init(codes: code...code) }

        /// What is wrong with it.
        var problem: String? { codes.clamped(to: 400...599) == codes ? nil : "is no error" }

        public var description: String {
            codes.count == 1 ? "\(codes.lowerBound)" : "\(codes.lowerBound) to \(codes.upperBound)"
        }
    }

    /// A page of HTML in UTF-8.
    ///
    /// `{{status}}` in it is the code, `{{reason}}` the reason phrase, `{{request-id}}` the identifier of ``RequestID``,
    /// each escaped so that it can stand between tags and in quoted attributes (and not within a script). Any other
    /// name in such braces is a problem, and so is `{{` without an end.
    public struct Page: Sendable, ExpressibleByStringLiteral {
        /// What is wrong with it; `nil` for a usable page. A composition with an unusable one is refused.
        public let problem: String?
        private let pieces: [Piece]
        /// The whole page, when it is the same every time.
        private let whole: ByteBuffer?

        private enum Piece: Sendable {
            case text(String)
            case value(Value)
        }

        private enum Value: String, Sendable {
            case status, reason
            case requestID = "request-id"
        }

        /// Of that text; see ``problem``.
        public init(_ html: String) { self.init(.success(html)) }

        /// Of that file, which is read now, up to a mebibyte of it, and never again; see ``problem``.
        public init(file path: String) { self.init(PageFile(path).content) }

        private init(_ text: Result<String, PageProblem>) {
            do throws(PageProblem) {
                pieces = try Self.parse(try text.get())
                problem = nil
            } catch {
                pieces = []
                problem = error.reason
            }
            whole = if pieces.count == 1, case .text(let text) = pieces[0] { ByteBuffer(string: text) } else { nil }
        }

        public init(stringLiteral html: String) { self.init(html) }

        /// What goes out.
        func content(for status: HTTPResponse.Status, requestID: String?) -> ByteBuffer {
            if let whole { return whole }
            var buffer = ByteBuffer()
            for piece in pieces {
                switch piece {
                case .text(let text): buffer.writeString(text)
                case .value(.status): buffer.writeString("\(status.code)")
                case .value(.reason):
                    let phrase = status.reasonPhrase.isEmpty ? "Error" : status.reasonPhrase
                    buffer.writeString(phrase.escapedForHTML)
                case .value(.requestID): buffer.writeString((requestID ?? "").escapedForHTML)
                }
            }
            return buffer
        }

        private static func parse(_ html: String) throws(PageProblem) -> [Piece] {
            guard !html.isEmpty else { throw PageProblem(reason: "is empty") }
            var pieces: [Piece] = []
            var rest = html[...]
            while let open = rest.firstRange(of: "{{") {
                guard let close = rest[open.upperBound...].firstRange(of: "}}") else {
                    throw PageProblem(reason: "has {{ without an end")
                }
                let text = rest[open.upperBound..<close.lowerBound]
                let name = text.split(separator: " ").joined(separator: " ")
                guard let value = Value(rawValue: name) else {
                    throw PageProblem(reason: "has {{\(text.prefix(40))}}, which stands for nothing")
                }
                if open.lowerBound > rest.startIndex { pieces.append(.text(String(rest[..<open.lowerBound]))) }
                pieces.append(.value(value))
                rest = rest[close.upperBound...]
            }
            return rest.isEmpty ? pieces : pieces + [.text(String(rest))]
        }
    }
}

/// Why a page cannot be used.
struct PageProblem: Error {
    let reason: String
}
