public import HTTPTypes

extension TrafficSplit {
    /// Lets a request choose its branch by what it carries. Whoever can send that chooses: where clients must not, what
    /// stands outside removes it.
    public struct Selector: Sendable {
        private enum Place: Sendable {
            case header(HTTPField.Name)
            case cookie([UInt8])
        }

        private let place: Place
        /// The branch by the value; `nil` where the value is the branch's name.
        private let values: [String: String]?

        /// By the value of a field: the name of a branch or, when values are given, one of these, each with its branch. A
        /// request with another value, or without the field, chooses nothing.
        public static func header(_ name: HTTPField.Name, _ values: [String: String]? = nil) -> Selector {
            Selector(place: .header(name), values: values)
        }

        /// The same by the value of a cookie, which goes on to the branch.
        public static func cookie(_ name: String, _ values: [String: String]? = nil) -> Selector {
            Selector(place: .cookie(Array(name.utf8)), values: values)
        }

        /// The branches that values were given for.
        var branches: [String] { values.map { Set($0.values).sorted() } ?? [] }

        /// The branch that a request asks for.
        func branch(for request: borrowing Request) -> String? {
            let value =
                switch place {
                case .header(let name): request.headers[name]
                case .cookie(let name): request.headers.firstCookie(named: name) { String(decoding: $0) }
                }
            guard let value else { return nil }
            guard let values else { return value }
            return values[value]
        }
    }
}
