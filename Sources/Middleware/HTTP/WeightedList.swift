/// The members of an `Accept`-like field, the preferred one first (RFC 9110 section 12.5).
///
/// ```swift
/// let accepted = WeightedList(request.headers[values: .acceptEncoding])
/// accepted.first?.value                           // "br" of `gzip;q=0.5, br, *;q=0`
/// ```
///
/// Members of equal weight keep the order they were sent in. Those of weight 0 are kept, at the end, because they
/// forbid what a `*` would allow. A member whose weight or parameters are malformed is left out. It does not compare
/// members with what is on offer: which one is more specific is for the field to say.
public struct WeightedList: Sendable, Hashable {
    /// One member.
    public struct Member: Sendable, Hashable {
        /// What is weighed, as spelled by the sender: `text/html`, `gzip`, `*`.
        public let value: String
        /// Its parameters other than the weight.
        public let parameters: FieldParameters
        /// Its weight; 1 where none is named.
        public let quality: QualityValue

        init?(_ text: Substring) {
            guard let parsed = ParameterizedValue(text) else { return nil }
            let weights = parsed.parameters.filter { $0.name == "q" }
            guard weights.count <= 1 else { return nil }
            guard let quality = weights.first.map({ QualityValue($0.value) }) ?? .full else { return nil }
            value = parsed.value
            parameters = parsed.parameters.removing("q")
            self.quality = quality
        }
    }

    private let members: [Member]

    /// The members of one field line.
    public init(_ value: String) { self.init([value]) }

    /// The members of several field lines of one name.
    public init(_ values: [String]) {
        let members = FieldList(values).compactMap { Member($0) }
        // The order of equal members is ours to keep: `sort` promises none.
        self.members = members.enumerated()
            .sorted { ($1.element.quality, $0.offset) < ($0.element.quality, $1.offset) }
            .map(\.element)
    }
}

extension WeightedList: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { members.count }
    public subscript(position: Int) -> Member { members[position] }
}
