public import HTTPTypes

// MARK: - Fields, in both directions

extension HeaderRewrite.MessageRules {
    /// Makes this the one field of that name. An absent value removes the field.
    public mutating func set(_ name: HTTPField.Name, to value: HeaderRewrite.Value) {
        append(.set(value), to: name, value)
    }

    /// Adds a field behind those that are there.
    public mutating func add(_ name: HTTPField.Name, _ value: HeaderRewrite.Value) {
        append(.add(value), to: name, value)
    }

    /// Adds a field unless there is one of that name.
    public mutating func setIfAbsent(_ name: HTTPField.Name, to value: HeaderRewrite.Value) {
        append(.setIfAbsent(value), to: name, value)
    }

    /// Removes every field of that name.
    public mutating func remove(_ name: HTTPField.Name) { append(.remove, to: name) }

    /// Removes every field whose name begins so, in any case: what only those inside may say, such as `x-internal-`.
    public mutating func removeAll(withPrefix prefix: String) {
        require(
            FieldGrammar.isToken(prefix.utf8.span), "removes fields that begin with \(prefix.jsonQuoted)",
            mend: "write the beginning of a field name")
        steps.append(.field(FieldEdit(name: Array(prefix.lowercased().utf8), kind: .removePrefix)))
    }

    /// Gives every field of that name another one, and removes those that had the other one before. Nothing happens when
    /// there is none.
    public mutating func rename(_ name: HTTPField.Name, to other: HTTPField.Name) {
        check(other)
        append(.rename(Array(other.rawName.utf8)), to: name)
    }

    /// Replaces the matches in the values of that field, 32 in each at most.
    ///
    /// - Parameter replacement: text in which `$1` and `${name}` are groups of the expression, `$0` the whole match and
    ///   `$$` a dollar.
    public mutating func replace(
        in name: HTTPField.Name, matching expression: RegularExpression, with replacement: String
    ) {
        guard let template = template(replacement, for: expression) else { return }
        append(.replace(expression, template), to: name)
    }

    private mutating func append(
        _ kind: FieldEdit.Kind, to name: HTTPField.Name, _ value: HeaderRewrite.Value? = nil
    ) {
        check(name)
        if let constant = value?.constant {
            require(
                FieldGrammar.isFieldValue(constant.utf8.span) && constant.utf8.first.map(FieldGrammar.isBlank) != true
                    && constant.utf8.last.map(FieldGrammar.isBlank) != true,
                "gives \(name.rawName) the value \(constant.jsonQuoted)",
                mend: "leave out line ends, other controls, and white space around it")
        }
        if let value { check(value) }
        steps.append(.field(FieldEdit(name: Array(name.rawName.utf8), kind: kind)))
    }

    /// Notes a field that no rule may touch: it frames the message, or belongs to the connection (RFC 9110 section
    /// 7.6.1), and would be dropped or overwritten.
    private mutating func check(_ name: HTTPField.Name) {
        let known = KnownField(name: name.canonicalName.utf8.span)
        require(known != .host, "touches Host", mend: "use request.setAuthority(to:)")
        require(
            !FieldEdit.framing.contains(known), "touches \(name.rawName), which belongs to the connection",
            mend: "leave it out: it follows from the body and the protocol")
    }

    /// Notes values that this direction does not have.
    mutating func check(_ value: HeaderRewrite.Value) {
        guard Message.self == Request.self else { return }
        let isForAnswers = value.parts.contains { part in
            if case .source(let source) = part { source.phase == .answer } else { false }
        }
        require(
            !isForAnswers, "asks a request for a value of its answer", mend: "use it in a rule for responses")
    }

    /// A template; `nil` after a problem was noted.
    mutating func template(_ text: String, for expression: RegularExpression) -> RegularExpressionTemplate? {
        if let problem = expression.problem {
            require(false, "matches \(expression), which \(problem)", mend: "write an expression as RE2 knows it")
            return nil
        }
        do {
            return try RegularExpressionTemplate(text, for: expression)
        } catch {
            require(false, "replaces with \(text), which \(error.reason)", mend: "name a group of the expression")
            return nil
        }
    }

    mutating func require(_ condition: Bool, _ problem: @autoclosure () -> String, mend: @autoclosure () -> String) {
        if !condition { problems.append(HeaderRewrite.Problem(problem: problem(), mend: mend())) }
    }
}

/// What is done to the fields of one name.
final class FieldEdit: Sendable {
    enum Kind: Sendable {
        case set(HeaderRewrite.Value)
        case add(HeaderRewrite.Value)
        case setIfAbsent(HeaderRewrite.Value)
        case remove
        case removePrefix
        case rename([UInt8])
        case replace(RegularExpression, RegularExpressionTemplate)
    }

    /// What follows from the body, the protocol and the connection.
    static let framing: Set<KnownField> = [
        .connection, .contentLength, .keepAlive, .proxyConnection, .te, .trailer, .transferEncoding, .upgrade,
    ]

    let name: [UInt8]
    let lowercase: [UInt8]
    let kind: Kind
    private let known: KnownField
    /// The value when it is the same for all.
    private let constant: [UInt8]?

    init(name: [UInt8], kind: Kind) {
        self.name = name
        self.kind = kind
        lowercase = Array(String(decoding: name, as: UTF8.self).lowercased().utf8)
        known = KnownField(name: name.span)
        constant =
            switch kind {
            case .set(let value), .add(let value), .setIfAbsent(let value): value.constant.map { Array($0.utf8) }
            default: nil
            }
    }

    /// The value that the edit asks for, unless it is the same for all.
    var value: HeaderRewrite.Value? {
        guard constant == nil else { return nil }
        return switch kind {
        case .set(let value), .add(let value), .setIfAbsent(let value): value
        default: nil
        }
    }

    /// The same with another value.
    func with(_ value: HeaderRewrite.Value) -> FieldEdit {
        switch kind {
        case .set: FieldEdit(name: name, kind: .set(value))
        case .add: FieldEdit(name: name, kind: .add(value))
        case .setIfAbsent: FieldEdit(name: name, kind: .setIfAbsent(value))
        case .remove, .removePrefix, .rename, .replace: self
        }
    }

    /// Edits fields. `computed` is the text of ``value``.
    func edit(_ headers: inout Headers, _ computed: String?) {
        switch kind {
        case .set:
            remove(from: &headers)
            add(to: &headers, computed)
        case .add: add(to: &headers, computed)
        case .setIfAbsent: if first(in: headers) == nil { add(to: &headers, computed) }
        case .remove: remove(from: &headers)
        case .removePrefix:
            let prefix = lowercase
            headers.removeEntries(from: 0) { $0.nameBegins($1, prefix) }
        case .rename(let other): rename(in: &headers, to: other)
        case .replace(let expression, let template): replace(in: &headers, expression, template)
        }
    }

    private func add(to headers: inout Headers, _ computed: String?) {
        let name = name
        if let constant {
            headers.append(name: name.span, value: constant.span, known: known)
        } else if let text = computed {
            headers.append(name: name.span, value: text.utf8.span, known: known)
        }
    }

    private func first(in headers: Headers) -> Int? {
        for index in headers.entries.indices where headers.isNamed(headers.entries[index], lowercase) { return index }
        return nil
    }

    private func remove(from headers: inout Headers) {
        headers.removeEntries(from: 0) { $0.isNamed($1, lowercase) }
    }

    private func rename(in headers: inout Headers, to other: [UInt8]) {
        guard first(in: headers) != nil else { return }
        let renamed = FieldEdit(name: other, kind: .remove)
        if renamed.lowercase != lowercase { renamed.remove(from: &headers) }
        let values = headers.entries.filter { headers.isNamed($0, lowercase) }.map { entry in
            headers.withValue(of: entry) { $0.withUnsafeBufferPointer { Array($0) } }
        }
        remove(from: &headers)
        for value in values { headers.append(name: other.span, value: value.span, known: renamed.known) }
    }

    private func replace(
        in headers: inout Headers, _ expression: RegularExpression, _ template: RegularExpressionTemplate
    ) {
        for index in headers.entries.indices where headers.isNamed(headers.entries[index], lowercase) {
            let replaced = headers.withValue(of: headers.entries[index]) { value in
                expression.replacingMatches(in: value, with: template)
            }
            if let replaced { headers.replaceValue(at: index, with: replaced.span) }
        }
    }
}

extension Headers {
    /// Whether the entry has that name, which is in lower case.
    func isNamed(_ entry: Entry, _ name: [UInt8]) -> Bool {
        Int(entry.nameLength) == name.count && withName(of: entry) { equalIgnoringCase($0, lowercase: name.span) }
    }

    /// Whether the entry's name begins so, in lower case.
    fileprivate func nameBegins(_ entry: Entry, _ prefix: [UInt8]) -> Bool {
        guard Int(entry.nameLength) >= prefix.count else { return false }
        return withName(of: entry) { name in
            equalIgnoringCase(name.extracting(0..<prefix.count), lowercase: prefix.span)
        }
    }
}
