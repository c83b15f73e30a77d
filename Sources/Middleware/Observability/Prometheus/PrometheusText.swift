/// The text format of Prometheus, version 0.0.4, while it is being written.
struct PrometheusText {
    private(set) var output = ""

    /// Writes a metric: its help, its type, and its series sorted by their labels.
    mutating func append(_ name: String, _ family: PrometheusFamily, _ declaration: Metric?) {
        if let declaration { output += "# HELP \(name) \(Self.help(declaration.meaning))\n" }
        output += "# TYPE \(name) \(family.type.rawValue)\n"
        for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
            // A value that is really called other shares the series of the overflow.
            if labels == family.overflow?.labels { continue }
            series.write(name, labels, into: &self)
        }
        if let overflow = family.overflow { overflow.series.write(name, overflow.labels, into: &self) }
    }

    /// Writes one line.
    mutating func append(_ name: String, _ labels: String, _ value: String) {
        output += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }

    /// A number as the format spells it.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 0x1p53 { return "\(Int64(value))" }
        return "\(value)"
    }

    private static func help(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "\\": result += "\\\\"
            case "\n", "\r\n": result += "\\n"
            default: result.append(character)
            }
        }
    }
}

/// Names and labels in the alphabet of Prometheus.
enum PrometheusName {
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
    static func metric(_ label: String) -> String { sanitised(label, allowsColon: true) }

    /// The labels as they stand between the braces, sorted by name.
    static func labels(_ dimensions: [(String, String)]) -> String {
        guard !dimensions.isEmpty else { return "" }
        var taken: Set<String> = []
        let pairs = dimensions.map { name, value in
            var name = sanitised(name, allowsColon: false)
            // `le` is the bucket's, and names that begin with two underscores are the server's own.
            while name.hasPrefix("__") { name.removeFirst() }
            if name == "le" { name = "le_" }
            if name == "_" { name = "label" }
            while !taken.insert(name).inserted { name += "_" }
            return (name: name, value: escaped(value))
        }
        return pairs.sorted { $0.name < $1.name }.map { "\($0.name)=\"\($0.value)\"" }.joined(separator: ",")
    }

    private static func sanitised(_ name: String, allowsColon: Bool) -> String {
        var result = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": result.unicodeScalars.append(scalar)
            case ":" where allowsColon: result.unicodeScalars.append(scalar)
            case "0"..."9":
                if result.isEmpty { result = "_" }
                result.unicodeScalars.append(scalar)
            default: result += "_"
            }
        }
        return result.isEmpty ? "_" : result
    }

    private static func escaped(_ value: String) -> String {
        var result = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
