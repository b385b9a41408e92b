tpl: files are rendered too
