public import HTTPTypes

// MARK: - Fields, in both directions

extension HeaderRewrite.MessageRules {
    /// Makes this the one field of that name. An absent value removes the field.
    public mutating func set(_ name: HTTPField.Name, to value: HeaderRewrite.Value) {
        append(.set, to: name, value)
    }

    /// Adds a field behind those that are there.
    public mutating func add(_ name: HTTPField.Name, _ value: HeaderRewrite.Value) {
        append(.add, to: name, value)
    }

    /// Adds a field unless there is one of that name.
    public mutating func setIfAbsent(_ name: HTTPField.Name, to value: HeaderRewrite.Value) {
        append(.setIfAbsent, to: name, value)
    }

    /// Removes every field of that name.
    public mutating func remove(_ name: HTTPField.Name) { append(.remove, to: name) }

    /// Removes every field whose name begins so, in any case: what only those inside may say, such as `x-internal-`. Fields
    /// that frame the message or belong to the connection stay, and so does what a chunked body says in its trailer section.
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

    /// Replaces every match in the values of that field.
    ///
    /// A value that takes looking at more than 64 times its length, because each match looks for its end in all that
    /// follows, is hostile: the field is removed.
    ///
    /// - Parameter replacement: text in which `$1` and `${name}` are groups of the expression, `$0` the whole match and
    ///   `$$` a dollar.
    public mutating func replace(
        in name: HTTPField.Name, matching expression: RegularExpression, with replacement: String
    ) {
        guard let template = template(replacement, for: expression) else { return }
        append(.replace(expression, template), to: name)
    }

    /// The name that a text spells; `nil` after a problem was noted.
    private mutating func name(_ text: String) -> HTTPField.Name? {
        let name = HTTPField.Name(text)
        require(
            name != nil, "touches the field \(text.jsonQuoted), which is no name", mend: "write a token such as x-edge")
        return name
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
        steps.append(.field(FieldEdit(name: Array(name.rawName.utf8), kind: kind, value: value)))
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
        for case .source(let source) in value.parts {
            guard case .requestHeader(.host) = source.code else { continue }
            require(false, "asks for the field Host", mend: "use .authority or .host")
        }
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

// MARK: - The same with names as text

extension HeaderRewrite.MessageRules {
    /// Makes this the one field of that name; text that is no name is a problem of the composition.
    public mutating func set(_ name: String, to value: HeaderRewrite.Value) {
        if let name = self.name(name) { set(name, to: value) }
    }

    /// Adds a field; text that is no name is a problem of the composition.
    public mutating func add(_ name: String, _ value: HeaderRewrite.Value) {
        if let name = self.name(name) { add(name, value) }
    }

    /// Adds a field unless there is one; text that is no name is a problem of the composition.
    public mutating func setIfAbsent(_ name: String, to value: HeaderRewrite.Value) {
        if let name = self.name(name) { setIfAbsent(name, to: value) }
    }

    /// Removes every field of that name; text that is no name is a problem of the composition.
    public mutating func remove(_ name: String) { if let name = self.name(name) { remove(name) } }

    /// Gives every field of that name another one; text that is no name is a problem of the composition.
    public mutating func rename(_ name: String, to other: String) {
        if let name = self.name(name), let other = self.name(other) { rename(name, to: other) }
    }

    /// Replaces every match in the values of that field; text that is no name is a problem of the composition.
    public mutating func replace(
        in name: String, matching expression: RegularExpression, with replacement: String
    ) {
        if let name = self.name(name) { replace(in: name, matching: expression, with: replacement) }
    }
}
