export const account = {
	'signIn.name': ['Name', '用户名', 'Name'],
	'signIn.password': ['Password', '密码', 'Passwort'],
	'signIn.do': ['Sign in', '登录', 'Anmelden'],
} as const;
