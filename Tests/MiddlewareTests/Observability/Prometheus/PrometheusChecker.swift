/// Reads a page of the text format 0.0.4 as strictly as the format is written down, and throws at the first line that
/// breaks it.
struct PrometheusChecker {
    struct Broken: Error, CustomStringConvertible {
        let line: String
        let rule: String

        var description: String { "\(rule): \(line)" }
    }

    private var types: [String: String] = [:]
    private var finished: Set<String> = []
    private var current: String?
    private var samples: Set<String> = []

    static func check(_ page: String) throws {
        guard page.isEmpty || page.hasSuffix("\n") else { throw Broken(line: page, rule: "the last line ends") }
        var checker = PrometheusChecker()
        // Not at CR LF or at separators of Unicode: the format knows LF alone.
        for line in page.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            try checker.read(String(String.UnicodeScalarView(line)))
        }
    }

    private mutating func read(_ line: String) throws {
        if line.hasPrefix("# HELP ") || line.hasPrefix("# TYPE ") {
            let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 4, isName(parts[2], colon: true) else { throw Broken(line: line, rule: "a comment") }
            if parts[1] == "TYPE" {
                guard ["counter", "gauge", "histogram"].contains(parts[3]), types[parts[2]] == nil else {
                    throw Broken(line: line, rule: "one known type a metric")
                }
                types[parts[2]] = parts[3]
            }
            try enter(parts[2], line)
            return
        }
        guard !line.hasPrefix("#"), !line.isEmpty else { throw Broken(line: line, rule: "no other comments") }
        try readSample(line)
    }

    private mutating func readSample(_ line: String) throws {
        var rest = Substring(line)
        let name = String(rest.prefix { $0 != "{" && $0 != " " })
        guard isName(name, colon: true) else { throw Broken(line: line, rule: "a metric name") }
        rest = rest.dropFirst(name.count)
        let labels = rest.first == "{" ? try readLabels(&rest, line) : [:]
        guard rest.first == " " else { throw Broken(line: line, rule: "one space before the value") }
        let value = rest.dropFirst()
        guard Double(value) != nil || ["+Inf", "-Inf", "NaN"].contains(value) else {
            throw Broken(line: line, rule: "a value")
        }
        var family = name
        for suffix in ["_bucket", "_sum", "_count"] where types[name] == nil && name.hasSuffix(suffix) {
            family = String(name.dropLast(suffix.count))
        }
        guard let type = types[family], (type == "histogram") == (family != name) else {
            throw Broken(line: line, rule: "a type before the first sample")
        }
        guard (labels["le"] != nil) == name.hasSuffix("_bucket") || type != "histogram" else {
            throw Broken(line: line, rule: "buckets alone have a bound")
        }
        try enter(family, line)
        let key = "\(name) \(labels.sorted { $0.key < $1.key })"
        guard samples.insert(key).inserted else { throw Broken(line: line, rule: "one sample a series") }
    }

    private mutating func enter(_ family: String, _ line: String) throws {
        guard current != family else { return }
        if let current { finished.insert(current) }
        guard !finished.contains(family) else { throw Broken(line: line, rule: "the lines of a metric are together") }
        current = family
    }

    private func readLabels(_ rest: inout Substring, _ line: String) throws -> [String: String] {
        var labels: [String: String] = [:]
        rest = rest.dropFirst()
        while true {
            let name = String(rest.prefix { $0 != "=" })
            rest = rest.dropFirst(name.count)
            guard isName(name, colon: false), !name.hasPrefix("__"), rest.hasPrefix("=\"") else {
                throw Broken(line: line, rule: "a label")
            }
            var scalars = rest.unicodeScalars.dropFirst(2)
            var value = ""
            while let scalar = scalars.popFirst(), scalar != "\"" {
                guard scalar == "\\" else {
                    value.unicodeScalars.append(scalar)
                    continue
                }
                guard let escaped = scalars.popFirst(), "\\\"n".unicodeScalars.contains(escaped) else {
                    throw Broken(line: line, rule: "an escape")
                }
                value.unicodeScalars.append(escaped)
            }
            guard labels.updateValue(value, forKey: name) == nil else { throw Broken(line: line, rule: "a label once") }
            rest = Substring(scalars)
            guard let next = rest.popFirst() else { throw Broken(line: line, rule: "a closing brace") }
            if next == "}" { return labels }
            guard next == "," else { throw Broken(line: line, rule: "a comma") }
        }
    }

    private func isName(_ name: String, colon: Bool) -> Bool {
        guard let first = name.unicodeScalars.first, !("0"..."9").contains(first) else { return false }
        return name.unicodeScalars.allSatisfy { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_": true
            case ":": colon
            default: false
            }
        }
    }
}
