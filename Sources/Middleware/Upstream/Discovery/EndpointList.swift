/// Endpoints as text, one a line:
///
/// ```text
/// # what              how it stands to the others
/// 10.0.0.1:8080       weight=3 zone=a
/// 10.0.0.2:8080       priority=1 label.version=v2
/// [2001:db8::3]:8080  backup
/// ```
///
/// Strict, so that a file that is cut off or damaged is noticed: every line ends with a line feed, the last one too, and
/// what is not understood is a problem of its line.
package struct EndpointList: Equatable, Sendable {
    /// What a line is, or the whole when it has no number.
    package struct Problem: Error, Equatable, Sendable {
        package let line: Int?
        package let reason: String
    }

    package private(set) var endpoints: [Endpoint] = []
    private var places = Set<String>()

    /// Reads text in UTF-8.
    package init(_ bytes: [UInt8]) throws(Problem) {
        guard let last = bytes.last else { throw Problem(line: nil, reason: "it is empty") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Problem(line: nil, reason: "it is no text in UTF-8")
        }
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard last == UInt8(ascii: "\n") else {
            throw Problem(line: lines.count, reason: "the last line does not end, as if more were to be written")
        }
        for (index, line) in lines.enumerated() {
            do throws(EndpointError) {
                try add(Self.words(of: Substring(line)))
            } catch {
                throw Problem(line: index + 1, reason: error.reason)
            }
        }
        guard !endpoints.isEmpty else { throw Problem(line: nil, reason: "it holds no endpoints") }
    }

    private mutating func add(_ words: [Substring]) throws(EndpointError) {
        guard let place = words.first else { return }
        var weight: Int?
        var attributes = Endpoint.Attributes()
        var names = Set<Substring>()
        for word in words.dropFirst() {
            let name = word.prefix { $0 != "=" }
            let value = word.dropFirst(name.count + 1)
            guard names.insert(name).inserted else { throw EndpointError(reason: "\(name) is given twice") }
            switch name {
            case "backup" where word == name: attributes.isBackup = true
            case "weight": weight = try Self.number(value, of: name, 1...65_535)
            case "priority": attributes.priority = try Self.number(value, of: name, 0...65_535)
            case "zone" where !value.isEmpty: attributes.zone = String(value)
            case _ where name.hasPrefix("label.") && name.count > 6 && word != name:
                attributes.labels[String(name.dropFirst(6))] = String(value)
            default:
                throw EndpointError(
                    reason: "\(word) is none of weight=…, priority=…, zone=…, backup and label.NAME=…")
            }
        }
        let endpoint = try Endpoint(parsing: String(place), weight: weight ?? 1, attributes)
        guard places.insert(endpoint.text).inserted else { throw EndpointError(reason: "\(place) stands there twice") }
        endpoints.append(endpoint)
    }

    /// Up to a `#` that begins a word.
    private static func words(of line: Substring) -> [Substring] {
        let words = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }
        return Array(words.prefix { !$0.hasPrefix("#") })
    }

    private static func number(
        _ text: Substring, of name: Substring, _ range: ClosedRange<Int>
    ) throws(EndpointError) -> Int {
        guard let number = FieldGrammar.decimal(String(text).utf8.span), range.contains(number) else {
            throw EndpointError(reason: "\(name) is no number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
